#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace stockade::runtime {

// Values by name, at most `capacity` of them: one more, and the one that was not touched for the
// longest goes. References stay valid until their value goes. For one thread.
template <typename Value>
class RecentMap {
 public:
  struct Entry {
    std::string key;
    Value value;
  };
  using Iterator = typename std::list<Entry>::iterator;

  explicit RecentMap(std::size_t capacity) : capacity_(capacity) {}

  // The value, touched; null when there is none.
  Value* Touch(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }
  // For a key that has no value yet. Returns the value that had to go.
  std::optional<Value> Add(std::string key, Value value) {
    entries_.push_front({std::move(key), std::move(value)});
    index_.emplace(entries_.front().key, entries_.begin());
    if (entries_.size() <= capacity_) return std::nullopt;
    const Iterator last = std::prev(entries_.end());
    std::optional<Value> gone = std::move(last->value);
    Erase(last);
    return gone;
  }
  // Returns what follows.
  Iterator Erase(Iterator entry) {
    index_.erase(entry->key);
    return entries_.erase(entry);
  }

  // From the most recently touched on.
  Iterator begin() { return entries_.begin(); }
  Iterator end() { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  const std::size_t capacity_;
  std::list<Entry> entries_;
  std::unordered_map<std::string, Iterator> index_;
};

}  // namespace stockade::runtime
