// A cache of the most recently used values, by key.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace coldstart {

template <class Key, class Value, class Hash>
class Recent {
 public:
  // The value of this key, made by `make` if it is not cached.
  template <class Make>
  const Value& get(const Key& key, const Make& make) {
    auto found = places_.find(key);
    if (found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
    } else {
      entries_.emplace_front(key, make());
      places_.emplace(key, entries_.begin());
    }
    return entries_.front().second;
  }

  // Drops the least recently used values until this many are left.
  void keep(size_t count) {
    while (entries_.size() > count) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }

  size_t size() const { return entries_.size(); }

 private:
  std::list<std::pair<Key, Value>> entries_;  // most recently used first
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator, Hash> places_;
};

}  // namespace coldstart
