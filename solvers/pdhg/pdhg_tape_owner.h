// PdhgTape: the memory of a tape (pdhg_tape.h), on the device where PDHG runs.
#pragma once

#include "solvers/pdhg/pdhg_tape.h"
#include "tensor/tensor.h"

namespace primal {

// After the codes follow 8 bytes that vector loads of the last mask may touch.
class PdhgTape {
 public:
  static constexpr int64_t kSlackBytes = 8;

  PdhgTape() = default;
  PdhgTape(const PdhgTapeLayout& layout, DType dtype, bool keep_x, Device device = {})
      : layout_(layout),
        codes_(Tensor::empty({layout.n_code_words() * int64_t{sizeof(CodeWord)} + kSlackBytes}, DType::u8,
                             device)) {
    if (keep_x) x_ = Tensor::empty({layout.n_x()}, dtype, device);
  }

  int64_t bytes() const { return static_cast<int64_t>(codes_.bytes() + (x_.defined() ? x_.bytes() : 0)); }

  template <class T>
  PdhgTapeView<T> view() const {
    return {layout_, reinterpret_cast<CodeWord*>(codes_.device_span<uint8_t>().data()),
            x_.defined() ? x_.device_span<T>().data() : nullptr};
  }

 private:
  PdhgTapeLayout layout_;
  Tensor codes_;
  Tensor x_;
};

}  // namespace primal
