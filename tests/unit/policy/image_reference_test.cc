#include "policy/image_reference.h"

#include <gtest/gtest.h>

#include <string>

namespace stockade::policy {
namespace {

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct Case {
  const char* text;
  const char* registry;
  const char* repository;
  const char* tag;
  const char* digest;
};

TEST(ParseImageReferenceTest, FindsTheParts) {
  const Case cases[] = {
      {"python", "", "python", "", ""},
      {"python:3.13-slim", "", "python", "3.13-slim", ""},
      {"library/python", "", "library/python", "", ""},
      {"ghcr.io/acme/agent:1", "ghcr.io", "acme/agent", "1", ""},
      {"ghcr.io/acme/agent@sha256:" DIGEST, "ghcr.io", "acme/agent", "", "sha256:" DIGEST},
      {"ghcr.io/acme/agent:1@sha256:" DIGEST, "ghcr.io", "acme/agent", "1", "sha256:" DIGEST},
      {"localhost/a", "localhost", "a", "", ""},
      {"localhost:5000/a:b", "localhost:5000", "a", "b", ""},
      {"registry:5000/a", "registry:5000", "a", "", ""},
      {"a.b/c", "a.b", "c", "", ""},
      {"10.0.0.1:5000/a/b/c", "10.0.0.1:5000", "a/b/c", "", ""},
      {"[::1]:5000/a", "[::1]:5000", "a", "", ""},
      {"[2001:db8::1]/a", "[2001:db8::1]", "a", "", ""},
      {"GHCR/acme", "GHCR", "acme", "", ""},
      {"Registry.Example.com/acme", "Registry.Example.com", "acme", "", ""},
      {"a__b/c--d/e.f_g", "", "a__b/c--d/e.f_g", "", ""},
      {"a:_b.C-d", "", "a", "_b.C-d", ""},
      // Tags, since no digest has so few digits, or another repository's.
      {"sha256:0123456789abcdef", "", "sha256", "0123456789abcdef", ""},
      {"sha384:" DIGEST, "", "sha384", DIGEST, ""},
      {"agent:" DIGEST, "", "agent", DIGEST, ""},
      {"library/sha256:" DIGEST, "", "library/sha256", DIGEST, ""},
      {"ghcr.io/sha256:" DIGEST, "ghcr.io", "sha256", DIGEST, ""},
      {"a@sha512:" DIGEST DIGEST, "", "a", "", "sha512:" DIGEST DIGEST},
  };
  for (const Case& c : cases) {
    const auto reference = ParseImageReference(c.text);
    ASSERT_TRUE(reference) << c.text;
    EXPECT_EQ(reference->registry, c.registry) << c.text;
    EXPECT_EQ(reference->repository, c.repository) << c.text;
    EXPECT_EQ(reference->tag, c.tag) << c.text;
    EXPECT_EQ(reference->digest, c.digest) << c.text;
  }
}

TEST(ParseImageReferenceTest, RefusesWhatRuntimesRefuse) {
  for (const char* text :
       {"",
        " ",
        " a",
        "a ",
        "a b",
        "a\n",
        "a\t",
        "/a",
        "a/",
        "a//b",
        "//a",
        "A",
        "a/B",
        "ghcr.io/Acme/agent",
        "a:",
        "a:b:c",
        "a:b/c",
        "a.b:x/c",
        "a:/b",
        "a:-b",
        "a:.b",
        "a:b c",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "a___b",
        "a..b",
        "a._b",
        "a/-b",
        "https://a.b/c",
        "a?b",
        "a#b",
        "a%2fb",
        "a\\b",
        "a;b",
        "$(a)",
        "a@",
        "@sha256:" DIGEST,
        "a@sha256",
        "a@sha256:",
        "a@sha256:abc",
        "a@sha256:" DIGEST "0",
        "a@sha256:" DIGEST DIGEST,
        "a@SHA256:0",
        "a@sha384:" DIGEST,
        "a@sha512:" DIGEST,
        "a@:" DIGEST,
        "a@1a:" DIGEST,
        "a@md5:0123456789abcdef0123456789abcdef",
        "a@sha512+b64u.x:" DIGEST,
        "sha256:" DIGEST,
        "sha256:" DIGEST "@sha256:" DIGEST,
        "sha512:" DIGEST DIGEST,
        "a@sha256:" DIGEST ":1",
        "a@sha256:" DIGEST "@sha256:" DIGEST,
        "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "a@sha256:g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "[::1]",
        "[]/a",
        "[::1/a",
        "::1]/a",
        "[::1]x/a",
        "a.b:123456/c",
        "-a.b/c",
        "a.b-/c",
        "a..b/c",
        ".b/c",
        "b./c",
        "\xC3\xA4/b",
        "a/\xC3\xA4",
        "docker-daemon:a:b",
        "oci:/tmp/x"}) {
    EXPECT_FALSE(ParseImageReference(text)) << text;
  }
}

TEST(ParseImageReferenceTest, ABareIdentifierIsNoReference) {
  EXPECT_FALSE(ParseImageReference(DIGEST));
  EXPECT_FALSE(ParseImageReference(DIGEST ":1"));
  EXPECT_TRUE(ParseImageReference("ghcr.io/" DIGEST));
  EXPECT_TRUE(ParseImageReference("a" DIGEST));
}

TEST(ParseImageReferenceTest, LengthsAreLimited) {
  EXPECT_TRUE(ParseImageReference(std::string(255, 'g')));
  EXPECT_FALSE(ParseImageReference(std::string(256, 'g')));
  EXPECT_TRUE(ParseImageReference("a:" + std::string(128, 'b')));
  EXPECT_FALSE(ParseImageReference("a:" + std::string(129, 'b')));
  EXPECT_FALSE(ParseImageReference("a@sha256:" + std::string(63, '0')));
  EXPECT_TRUE(ParseImageReference("a@sha256:" + std::string(64, '0')));
  EXPECT_FALSE(ParseImageReference("a@sha256:" + std::string(65, '0')));
  EXPECT_FALSE(ParseImageReference(std::string(1'000'000, '/')));
}

TEST(ParseImageReferenceTest, ANulEndsNothing) {
  EXPECT_FALSE(ParseImageReference(std::string_view("a\0b", 3)));
  EXPECT_FALSE(ParseImageReference(std::string_view("a:b\0", 4)));
}

}  // namespace
}  // namespace stockade::policy
