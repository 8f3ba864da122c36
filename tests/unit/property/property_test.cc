#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/source_dir.h"
#include "tests/unit/property/judgement.h"
#include "tests/unit/property/sandbox_generator.h"

// Whatever sandbox the rules let pass, rendering makes into a pod that they let pass once more, and
// that is hardened in words that do not come from the rules.
//
//   STOCKADE_PROPERTY_SEED   the seed; a new one each time unless set, and always printed
//   STOCKADE_PROPERTY_RUNS   how many sandboxes; 2000 unless set
namespace stockade::property {
namespace {

using codec::Json;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  const std::string_view digits = text;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  EXPECT_TRUE(parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size())
      << name << " is no number: " << digits;
  return value;
}

Json SchemaOfSpec() {
  std::ifstream file(STOCKADE_SOURCE_DIR "/crds/stockade.dev_agentsandboxes.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return SpecSchemaOf(text.str());
}

std::string Describe(const std::vector<policy::Finding>& findings) {
  std::string text;
  for (const policy::Finding& finding : findings) {
    text += finding.field + ": [" + std::string(finding.code) + "] " + finding.message + "\n";
  }
  return text;
}

TEST(PropertyTest, WhatIsAdmittedRendersToAPodWithoutFindings) {
  const std::uint64_t seed = FromEnvironment("STOCKADE_PROPERTY_SEED", std::random_device{}());
  const std::uint64_t runs = FromEnvironment("STOCKADE_PROPERTY_RUNS", 2000);
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("STOCKADE_PROPERTY_SEED=" + std::to_string(seed));
  SandboxGenerator generator(SchemaOfSpec(), seed);
  std::uint64_t admitted = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const Json sandbox = generator.Next();
    const Judgement judgement = Judge(sandbox);
    if (!judgement.errors.empty()) continue;
    ++admitted;
    ASSERT_EQ(Describe(judgement.pod_findings), "") << sandbox.dump();
    ASSERT_THAT(NotHardened(judgement.pod), ::testing::IsEmpty()) << sandbox.dump() << "\n"
                                                                  << judgement.pod.dump();
  }
  std::printf("seed %llu: %llu of %llu sandboxes admitted\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(admitted), static_cast<unsigned long long>(runs));
  // The generator is of use only if it makes many of both.
  if (runs < 500) return;
  EXPECT_GT(admitted, runs / 10);
  EXPECT_LT(admitted, runs - runs / 10);
}

TEST(PropertyTest, TheUnitsOfTheOracleBite) {
  const Json pod = Json::parse(R"({"metadata": {"labels": {}}, "spec": {"hostPID": true,
      "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
      "containers": [{"name": "c", "securityContext": {"privileged": true},
                      "env": [{"name": "LD_X"}], "ports": [{"hostPort": 1}]}]}})");
  EXPECT_GE(NotHardened(pod).size(), 15U);
}

TEST(PropertyTest, EqualSeedsGiveEqualSandboxes) {
  const Json schema = SchemaOfSpec();
  SandboxGenerator first(schema, 7);
  SandboxGenerator second(schema, 7);
  SandboxGenerator other(schema, 8);
  bool different = false;
  for (int i = 0; i < 50; ++i) {
    const Json sandbox = first.Next();
    EXPECT_EQ(sandbox, second.Next());
    different = different || sandbox != other.Next();
  }
  EXPECT_TRUE(different);
}

}  // namespace
}  // namespace stockade::property
