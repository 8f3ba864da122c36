#include "policy/egress_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace stockade::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

struct Case {
  std::string_view value;
  const char* problem;  // a part of what is said, or null when nothing is
};

template <typename F>
void Check(F&& judge, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    const std::optional<std::string> problem = judge(c.value);
    if (c.problem == nullptr) {
      EXPECT_EQ(problem, std::nullopt) << c.value;
    } else {
      EXPECT_THAT(problem, Optional(HasSubstr(c.problem))) << c.value;
    }
  }
}

TEST(HostProblemTest, NamesHaveOneForm) {
  const std::string longest_label(63, 'a');
  const std::string label_too_long = std::string(64, 'a') + ".example.com";
  const std::string good = longest_label + ".example.com";
  std::string longest;
  while (longest.size() < 250) longest += "aaaaaaaaa.";
  longest += "com";
  const std::string too_long = longest + "m";
  Check(HostProblem, {
                         {"api.example.com", nullptr},
                         {"a-b.c_d.example.com", nullptr},
                         {"1.example.com", nullptr},
                         {"xn--bcher-kva.example.com", nullptr},
                         {"*.example.com", nullptr},
                         {good, nullptr},
                         {longest, nullptr},
                         {"0x.example", nullptr},
                         {"", "empty"},
                         {"*.", "empty"},
                         {"https://example.com", "URL"},
                         {"example.com/x", "path"},
                         {"user@example.com", "user information"},
                         {"example.com:443", "port"},
                         {"example.com.", "dot"},
                         {"Example.com", "capital"},
                         {"b\xc3\xbc"
                          "cher.example",
                          "letters"},
                         {"\xd0\xb0pple.com", "letters"},  // a Cyrillic a
                         {"a.*.example.com", "\"*\""},
                         {"*a.example.com", "\"*\""},
                         {"**.example.com", "\"*\""},
                         {"*.*.example.com", "\"*\""},
                         {"*", "\"*\""},
                         {"a..example.com", "empty label"},
                         {".example.com", "empty label"},
                         {"-a.example.com", "label"},
                         {"a-.example.com", "label"},
                         {"a b.example.com", "label"},
                         {"a\n.example.com", "label"},
                         {"ab--c.example.com", "reserved"},
                         {label_too_long, "label"},
                         {too_long, "253"},
                         {"localhost", "one label"},
                     });
}

TEST(HostProblemTest, NoFormOfAnAddressIsAName) {
  for (const std::string_view host :
       {"93.184.216.10", "2130706433", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001",
        "0X7F000001", "1.2.3.4.", "a.1.2.3.4", "example.0x1", "example.0x", "[::1]", "::1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1%eth0", "2002:a00:1::", "10.0.0.1%25lo"}) {
    EXPECT_THAT(HostProblem(host), Optional(HasSubstr("IP address"))) << host;
  }
}

TEST(WildcardProblemTest, TheDomainBelongsToSomebody) {
  Check(WildcardProblem, {
                             {"example.com", nullptr},
                             {"github.io", nullptr},
                             {"*.example.com", nullptr},
                             {"*.api.example.com", nullptr},
                             {"*.notgithub.io", nullptr},
                             {"*.com", "top-level"},
                             {"*.github.io", "anybody"},
                             {"*.s3.amazonaws.com", "anybody"},
                             {"*.blob.core.windows.net", "anybody"},
                             {"*.co.uk", "anybody"},
                         });
}

TEST(InsideNameProblemTest, NamesOfTheClusterNeverPass) {
  for (const bool ranges : {false, true}) {
    const auto judge = [ranges](std::string_view host) { return InsideNameProblem(host, ranges); };
    Check(judge, {
                     {"example.com", nullptr},
                     {"svc.example.com", nullptr},
                     {"kubernetes.default.svc.cluster.local", "cluster"},
                     {"kubernetes.default.svc", "cluster"},
                     {"*.default.svc", "cluster"},
                     {"a.localhost", "machine"},
                     {"metadata.google.internal", "metadata"},
                     {"git.corp", ranges ? nullptr : "privateRanges"},
                     {"git.acme.internal", ranges ? nullptr : "privateRanges"},
                     {"*.acme.internal", ranges ? nullptr : "privateRanges"},
                 });
  }
}

TEST(PrivateRangeProblemTest, OnlyWhatIsPrivateIsAnException) {
  Check(PrivateRangeProblem, {
                                 {"10.20.0.0/16", nullptr},
                                 {"10.0.0.0/8", nullptr},
                                 {"192.168.1.7/32", nullptr},
                                 {"100.64.0.0/10", nullptr},
                                 {"fd12:3456::/32", nullptr},
                                 {"10.20.0.0", "CIDR"},
                                 {"10.20.0.0/", "CIDR"},
                                 {"10.20.0.0/33", "CIDR"},
                                 {"10.20.0.0/016", "CIDR"},
                                 {"10.20.0.0/16 ", "CIDR"},
                                 {"10.20.0/16", "CIDR"},
                                 {"fd12::/129", "CIDR"},
                                 {"corp/16", "CIDR"},
                                 {"10.20.0.1/16", "beyond"},
                                 {"0.0.0.0/0", "not within"},
                                 {"10.0.0.0/7", "not within"},
                                 {"8.0.0.0/5", "not within"},
                                 {"127.0.0.0/8", "not within"},
                                 {"169.254.169.254/32", "not within"},
                                 {"93.184.216.0/24", "not within"},
                                 {"::ffff:10.0.0.0/104", "not within"},
                                 {"::/0", "not within"},
                                 {"fe80::/10", "not within"},
                             });
}

TEST(PathProblemTest, PathsAreWrittenAsTheyAreCompared) {
  const std::string long_path(1025, '/');
  Check(PathProblem, {
                         {"/", nullptr},
                         {"/v1", nullptr},
                         {"/v1/", nullptr},
                         {"/@acme/tool", nullptr},
                         {"/a:b", nullptr},
                         {"/..a", nullptr},
                         {"", "begin"},
                         {"v1", "begin"},
                         {long_path, "1024"},
                         {"/v1?x=1", "query"},
                         {"/v1#x", "query"},
                         {"/a%2fb", "encoded"},
                         {"/a\\b", "encoded"},
                         {"/a//b", "empty segment"},
                         {"/a/../b", "dot segment"},
                         {"/.", "dot segment"},
                         {"/v1/*", "\"*\""},
                         {"/a b", "characters"},
                         {"/\xc3\xbc", "characters"},
                     });
}

TEST(MethodProblemTest, MethodsAreWrittenAsTheyAreSent) {
  Check(MethodProblem, {
                           {"GET", nullptr},
                           {"PROPFIND", nullptr},
                           {"M-SEARCH", nullptr},
                           {"", "1 to 32"},
                           {"get", "lower-case"},
                           {"GET|POST", "no method"},
                           {".*", "no method"},
                           {"GET ", "no method"},
                           {"CONNECT", "never"},
                           {"TRACE", "never"},
                       });
}

}  // namespace
}  // namespace stockade::policy
