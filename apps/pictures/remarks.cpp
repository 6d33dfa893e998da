#include "apps/pictures/remarks.h"

#include <utility>

namespace primal {

void RemarkPrinter::print(const Remark& remark) {
  const bool is_first = counts_.at(static_cast<size_t>(remark.kind))++ == 0;
  if (quiet_ || (!is_first && remark.kind != Remark::Kind::always)) return;
  if (make_room_) make_room_();
  say_text(remark.text);
}

void Remarks::put(Remark remark) {
  if (remark.kind == Remark::Kind::outside && std::exchange(is_outside_, true)) return;
  if (printer_ != nullptr) return printer_->print(remark);
  kept_.push_back(std::move(remark));
}

void Remarks::print_to(RemarkPrinter& printer) const {
  for (const Remark& remark : kept_) printer.print(remark);
}

}  // namespace primal
