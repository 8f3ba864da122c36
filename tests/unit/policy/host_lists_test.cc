#include "policy/host_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace stockade::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HostListsTest, NothingIsWithinListsThatAreEmpty) {
  EXPECT_FALSE(AllowedHosts().Covers("a.example"));
  EXPECT_FALSE(AllowedHosts().Covers("*.example"));
  EXPECT_TRUE(DeniedHosts().empty());
  EXPECT_EQ(DeniedHosts().DenierOf("a.example"), "");
  EXPECT_THAT(DeniedHosts().NamesWithin("*.example"), IsEmpty());
}

TEST(HostListsTest, FindsTheNearestDenier) {
  const std::vector<std::string> hosts = {"*.b.example", "*.example", "x.a.example", "y.a.example"};
  const DeniedHosts denied(hosts);
  EXPECT_EQ(denied.DenierOf("a.b.example"), "*.b.example");
  EXPECT_EQ(denied.DenierOf("x.a.example"), "x.a.example");
  EXPECT_EQ(denied.DenierOf("*.b.example"), "*.b.example");
  EXPECT_EQ(denied.DenierOf("*.a.example"), "*.example");
  EXPECT_EQ(denied.DenierOf("example"), "");
  EXPECT_THAT(denied.NamesWithin("*.a.example"), ElementsAre("x.a.example", "y.a.example"));
  EXPECT_THAT(denied.NamesWithin("*.example"), IsEmpty());
}

// ---- A second opinion: a host is the set of names that it stands for, in a world of few labels.
// "z" is in no list, as most names of the world are.

using Names = std::set<std::string>;

Names NamesOfDepth(std::size_t depth) {
  Names names = {"t"};
  for (std::size_t i = 0; i < depth; ++i) {
    Names longer;
    for (const std::string& name : names) {
      for (const char* label : {"a.", "b.", "z."}) longer.insert(label + name);
    }
    names = longer;
  }
  return names;
}

Names World() {
  Names names;
  for (std::size_t depth = 1; depth <= 4; ++depth) names.merge(NamesOfDepth(depth));
  return names;
}

Names NamesOf(const std::string& host, bool however_deep) {
  if (!host.starts_with("*.")) return {host};
  Names names;
  for (const std::string& name : World()) {
    const std::string suffix = host.substr(1);
    if (!name.ends_with(suffix) || name.size() == suffix.size()) continue;
    const std::string rest = name.substr(0, name.size() - suffix.size());
    if (however_deep || rest.find('.') == std::string::npos) names.insert(name);
  }
  return names;
}

Names NamesOfAll(const std::vector<std::string>& hosts, bool however_deep) {
  Names names;
  for (const std::string& host : hosts) names.merge(NamesOf(host, however_deep));
  return names;
}

bool Within(const Names& some, const Names& all) { return std::ranges::includes(all, some); }

std::vector<std::string> Hosts() {
  std::vector<std::string> hosts = {"*.t"};
  for (const char* name : {"a.t", "b.t", "a.a.t", "a.b.t", "b.a.a.t"}) {
    hosts.emplace_back(name);
    hosts.push_back(std::string("*.") + name);
  }
  return hosts;
}

TEST(HostListsTest, AgreesWithTheNamesThatHostsStandFor) {
  const std::vector<std::string> hosts = Hosts();
  for (const std::string& first : hosts) {
    for (const std::string& second : hosts) {
      const std::vector<std::string> list = {first, second};
      const AllowedHosts allowed(list);
      const DeniedHosts denied(list);
      const Names allowed_names = NamesOfAll(list, /*however_deep=*/false);
      const Names denied_names = NamesOfAll(list, /*however_deep=*/true);
      for (const std::string& host : hosts) {
        // The names of an entry, whose wildcard stands for one label.
        const Names names = NamesOf(host, /*however_deep=*/false);
        const std::string trace = host + " by " + first + " and " + second;
        EXPECT_EQ(allowed.Covers(host), Within(names, allowed_names)) << trace;
        EXPECT_EQ(!denied.DenierOf(host).empty(), Within(names, denied_names)) << trace;
        Names shared;
        std::ranges::set_intersection(names, denied_names, std::inserter(shared, shared.end()));
        if (denied.DenierOf(host).empty()) {
          const auto within = denied.NamesWithin(host);
          EXPECT_EQ(Names(within.begin(), within.end()), shared) << trace;
        }
      }
    }
  }
}

}  // namespace
}  // namespace stockade::policy
