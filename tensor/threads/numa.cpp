#include "tensor/threads/numa.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tensor/threads/processors.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int kMostProcessors = 4096;

// N of "nodeN"; -1 for anything else.
int number_of_node(const std::string& name) {
  constexpr std::string_view kNode = "node";
  int number = -1;
  if (!name.starts_with(kNode)) return -1;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kNode.size(), end, number);
  return error == std::errc() && rest == end ? number : -1;
}

int64_t memory_of(const fs::path& node) {
  std::ifstream stream(node / "meminfo");
  for (std::string word; stream >> word;) {
    int64_t kib = 0;
    if (word == "MemTotal:" && stream >> kib) return kib * 1024;
  }
  return 0;
}

}  // namespace

std::string processor_list(const std::vector<int>& processors) {
  std::string text;
  for (size_t i = 0; i < processors.size();) {
    size_t last = i;
    while (last + 1 < processors.size() && processors[last + 1] == processors[last] + 1) ++last;
    text += text.empty() ? "" : ",";
    text +=
        last == i ? fmt::format("{}", processors[i]) : fmt::format("{}-{}", processors[i], processors[last]);
    i = last + 1;
  }
  return text;
}

std::vector<int> processors_of_list(const std::string& text) {
  std::vector<int> processors;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    int first = 0, last = 0;
    const char* const end = part.data() + part.size();
    const auto [dash, error] = std::from_chars(part.data(), end, first);
    if (error != std::errc()) continue;
    last = first;
    if (dash != end && *dash == '-') std::from_chars(dash + 1, end, last);
    for (int i = first; i <= std::min(last, kMostProcessors - 1); ++i) processors.push_back(i);
  }
  return processors;
}

std::vector<NumaNode> usable_numa_nodes(const fs::path& root) {
  const std::vector<int> usable = processors_in_mask();
  std::vector<NumaNode> nodes;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "sys/devices/system/node", error)) {
    NumaNode node;
    node.number = number_of_node(entry.path().filename());
    if (node.number < 0) continue;
    std::ifstream stream(entry.path() / "cpulist");
    std::string list;
    std::getline(stream, list);
    std::ranges::set_intersection(processors_of_list(list), usable, std::back_inserter(node.processors));
    node.memory_bytes = memory_of(entry.path());
    if (!node.processors.empty()) nodes.push_back(std::move(node));
  }
  std::ranges::sort(nodes, {}, &NumaNode::number);
  return nodes;
}

}  // namespace primal
