#include "tensor/simt/shadow.h"

namespace primal::simt {

Mark& Shadow::evict(Cell& cell, const Mark& now) {
  const size_t n = cell.marks.size(), from = turn_++;
  for (size_t i = 0; i < n; ++i) {
    if (Mark& mark = cell.marks[(from + i) % n]; mark.access == now.access) return mark;
  }
  return cell.marks[from % n];
}

void Shadow::find(uintptr_t page) {
  std::unique_ptr<Page>& found = pages_[page];
  if (!found) found = std::make_unique<Page>();
  last_number_ = page;
  last_ = found.get();
}

}  // namespace primal::simt
