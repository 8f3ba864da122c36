#pragma once

#include <optional>
#include <string>
#include <string_view>

// Judges what people write as a host, an address range, a path or a method of spec.egress. Pure;
// the answers are the beginning of a sentence about the value, "is an IP address", or nothing.
namespace stockade::policy {

// A host by name in the one form in which names are compared: lower-case labels, at least two, no
// dot at the end. Every form of an IP address is refused: an address says nothing about who
// answers, and no certificate is checked by it. A name with other letters is written in punycode
// ("xn--..."), so that who reads the manifest sees that it is not the name that it looks like. A
// leading "*." is for WildcardProblem and not looked at here.
[[nodiscard]] std::optional<std::string> HostProblem(std::string_view host);

// "*." and a domain of at least two labels that belongs to somebody: not one below which anybody
// can have a name.
[[nodiscard]] std::optional<std::string> WildcardProblem(std::string_view host);

// Names that lead inside, whatever they resolve to: this machine, the cluster's own names and
// metadata services. With `private_ranges_set` those of a private network pass.
[[nodiscard]] std::optional<std::string> InsideNameProblem(std::string_view host,
                                                           bool private_ranges_set);

// A CIDR of an entry's privateRanges: written canonically, private, and not as wide as to hold
// what no host can be at.
[[nodiscard]] std::optional<std::string> PrivateRangeProblem(std::string_view cidr);

[[nodiscard]] std::optional<std::string> PathProblem(std::string_view path);
[[nodiscard]] std::optional<std::string> MethodProblem(std::string_view method);

}  // namespace stockade::policy
