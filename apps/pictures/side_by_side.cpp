#include "apps/pictures/side_by_side.h"

#include <algorithm>
#include <unistd.h>
#include <utility>

#include "apps/pictures/folder_meter.h"
#include "apps/shell/machine_memory.h"
#include "apps/shell/signals.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/threads/in_order.h"
#include "tensor/threads/memory_shares.h"
#include "tensor/threads/thread_share.h"

namespace primal {
namespace {

// One picture was always worked on, whatever memory there is.
constexpr int64_t kLeastMemory = int64_t{512} << 20;

int wanted_at_once(const SideBySide& how, size_t n) {
  const int wanted = how.jobs > 0 ? how.jobs : num_threads();
  return static_cast<int>(std::min<size_t>(static_cast<size_t>(wanted), std::max<size_t>(n, 1)));
}

// Several pictures in work at once.
class Work {
 public:
  Work(const std::vector<DenoisingJob>& jobs, const PictureDenoising& one, const SideBySide& how,
       RemarkPrinter& printer)
      : jobs_(jobs),
        one_(one),
        n_at_once_(wanted_at_once(how, jobs.size())),
        n_threads_(num_threads()),
        memory_(std::max(available_memory() / 2, kLeastMemory)),
        printer_(printer),
        results_(jobs.size()),
        remarks_(jobs.size(), Remarks(n_at_once_ == 1 ? &printer : nullptr)) {}

  int n_at_once() const { return n_at_once_; }

  void denoise(size_t i) {
    DenoisedFile& result = results_[i];
    MemoryShare memory(memory_, i, bytes_to_read(jobs_[i]));
    DenoisingInput read;
    try {
      const ThreadShare one_of_many(threads_beside(n_at_once_));
      read = one_.read(jobs_[i], remarks_[i]);
    } catch (const Error& error) {
      result.problem = error.what();
      return;
    }
    const DenoisingNeeds needs = one_.needs(read);
    const int64_t bytes = needs.alone ? std::max(memory_.limit(), needs.bytes) : needs.bytes;
    memory.grow(bytes);
    const auto n_fitting =
        static_cast<int>(std::clamp<int64_t>(memory_.limit() / std::max<int64_t>(bytes, 1), 1, n_at_once_));
    const ThreadShare one_of_those(threads_beside(n_fitting));
    result.rows = one_(jobs_[i], read, remarks_[i]);
  }

  DenoisedFile taken(size_t i) {
    remarks_[i].print_to(printer_);
    remarks_[i] = Remarks();
    return std::move(results_[i]);
  }

 private:
  int threads_beside(int n) const { return std::max(n_threads_ / n, 1); }

  const std::vector<DenoisingJob>& jobs_;
  const PictureDenoising& one_;
  const int n_at_once_, n_threads_;
  MemoryShares memory_;
  RemarkPrinter& printer_;
  std::vector<DenoisedFile> results_;
  std::vector<Remarks> remarks_;
};

}  // namespace

int denoise_side_by_side(const std::vector<DenoisingJob>& jobs, const PictureDenoising& one,
                         const SideBySide& how, RemarkPrinter& printer,
                         const std::function<void(const DenoisingJob&, DenoisedFile)>& take) {
  std::optional<StopSignals> signals;
  if (jobs.size() > 1) signals.emplace();
  const auto caught = [&signals] { return signals ? static_cast<int>(signals->caught()) : 0; };
  Work work(jobs, one, how, printer);
  FolderMeter meter(jobs.size(), !how.quiet, is_terminal(STDERR_FILENO));
  printer.before_printing([&meter] { meter.hide(); });
  InOrder all(jobs.size(), work.n_at_once(), [&work](size_t i) { work.denoise(i); });
  size_t n_taken = 0;
  const auto look = [&] {
    if (caught() != 0) all.stop();
    meter.show(n_taken);
  };
  for (; n_taken < jobs.size(); ++n_taken) {
    look();
    if (!all.wait(n_taken, look)) break;
    meter.hide();
    take(jobs[n_taken], work.taken(n_taken));
  }
  printer.before_printing({});
  meter.finish(n_taken);
  return n_taken < jobs.size() ? caught() : 0;
}

}  // namespace primal
