#include "tensor/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace primal {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

const std::string& nearest_name(const std::vector<std::string>& names, const std::string& name) {
  return *std::ranges::min_element(names, {}, [&](const std::string& n) { return edit_distance(n, name); });
}

std::string name_meant(const std::vector<std::string>& names, const std::string& name) {
  const auto is_last_part = [&](const std::string& n) { return n.ends_with("." + name); };
  if (const auto found = std::ranges::find_if(names, is_last_part); found != names.end()) return *found;
  const std::string& nearest = nearest_name(names, name);
  return edit_distance(nearest, name) <= 1 + name.size() / 4 ? nearest : "";
}

}  // namespace primal
