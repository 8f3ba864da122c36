#include "tests/unit/render/egress_testing.h"

#include <gtest/gtest.h>

#include "render_testing.h"

namespace stockade::render {

EgressSections SectionsIn(std::string_view yaml) {
  const codec::JsonDocument document = codec::ParseTrusted(FromYaml(yaml)["spec"]);
  std::vector<codec::FieldError> errors;
  EgressSections sections{
      api::DecodeEgress(document.root()["egress"], "egress", /*strict=*/true, errors),
      api::DecodeCredentials(document.root()["credentials"], "credentials", true, errors)};
  EXPECT_TRUE(errors.empty()) << codec::ToStatus(errors).ToString();
  return sections;
}

EgressProfile ProfileOf(std::string_view egress_yaml, std::string_view credentials_yaml) {
  const codec::Json spec = {{"egress", FromYaml(egress_yaml)},
                            {"credentials", FromYaml(credentials_yaml)}};
  const EgressSections sections = SectionsIn(codec::Json{{"spec", spec}}.dump());
  return MakeEgressProfile(sections.egress, sections.credentials);
}

}  // namespace stockade::render
