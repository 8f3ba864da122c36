#pragma once

#include <string>
#include <vector>

#include "webhook/admission_endpoint.h"

namespace stockade::webhook {

// The handler of a kind that Stockade looks after in those namespaces alone: an object elsewhere is
// refused, for nobody would ever make anything of it. What is being deleted is let go. Every
// namespace is looked after where the list is empty.
AdmissionHandler WithinNamespaces(std::vector<std::string> watched, AdmissionHandler handler);

}  // namespace stockade::webhook
