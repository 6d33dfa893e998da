#include "tensor/simt/shadow.h"

namespace primal::simt {

Mark& Shadow::evict(Cell& cell, const Mark& now) {
  const size_t n = cell.marks.size(), from = turn_++;
  for (size_t i = 0; i < n; ++i) {
    if (Mark& mark = cell.marks[(from + i) % n]; mark.access == now.access) return mark;
  }
  return cell.marks[from % n];
}

Shadow::Page* Shadow::find(uintptr_t number) {
  std::unique_ptr<Page>& found = pages_[number];
  if (!found) found = std::make_unique<Page>();
  return found.get();
}

}  // namespace primal::simt
