#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace stockade::property {

// Makes AgentSandboxes from the CRD's own schema, so that no field is forgotten, in a random but
// repeatable order: equal seeds give equal sandboxes on every machine. Most are sensible or nearly
// so: each has a temper, from one that only writes what an author would, to one that puts any value
// into any field. For one thread.
class SandboxGenerator {
 public:
  // `spec_schema` is the schema of spec, as in the CRD.
  SandboxGenerator(codec::Json spec_schema, std::uint64_t seed);

  // The next AgentSandbox, named "s0", "s1" and so on, in the namespace "property".
  codec::Json Next();

 private:
  // Whether something happens that has one chance in `times`.
  bool OneIn(std::uint64_t times) { return Below(times) == 0; }
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  // Whether this value is to be a nasty one.
  bool Nasty() { return temper_ != 0 && OneIn(temper_); }
  const codec::Json& OneOf(const codec::Json& values) { return values[Below(values.size())]; }

  // `owner` is the nearest field name above, of the list where it is the element of one.
  codec::Json Value(const codec::Json& schema, std::string_view owner, std::string_view name);
  codec::Json Object(const codec::Json& schema, std::string_view name);
  codec::Json Map(const codec::Json& schema, std::string_view name);
  codec::Json NastyScalar(const codec::Json& schema);
  bool Includes(const codec::Json& schema, std::string_view owner, const std::string& name,
                std::string_view chosen);
  std::string ChooseOne(const codec::Json& properties, std::string_view owner);
  void Connect(codec::Json& spec);
  void ConnectContainers(codec::Json& containers, const codec::Json& volumes, const char* prefix);

  codec::Json schema_;
  std::mt19937_64 random_;
  std::uint64_t temper_ = 0;  // one value in so many is nasty; 0 for none
  std::size_t made_ = 0;
};

// The schema of spec in the CRD of this source tree.
codec::Json SpecSchemaOf(std::string_view crd_yaml);

}  // namespace stockade::property
