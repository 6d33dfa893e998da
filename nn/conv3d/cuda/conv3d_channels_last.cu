// Channels last and back: [N,C,D,H,W], in one tensor or two, to [N,D,H,W,C], which is what cuDNN's
// tensor-core engines read.
//
// For each image this is the transpose of a matrix [channels, pixels]. A block of 32 x 8 threads takes a tile
// of 32 x 32 through shared memory, so that reads and writes both go along rows; its rows are 33 long, and
// reading a column of it touches 32 banks.
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kTile = 32, kThreadRows = 8;

// to[image][column][begin + row] = from[image][row][column]; of `to`, rows are to_columns long.
struct Transpose {
  int64_t n_rows, n_columns, to_columns, begin;
  unsigned across = 0, n_tiles = 0;  // tiles in a row of them, and in an image
};

// blockDim (kTile, kThreadRows), gridDim (tiles of all images).
__global__ void transpose_kernel(Transpose q, Global<const float> from, Global<float> to) {
  PRIMAL_SHARED(float, tile, [kTile][kTile + 1]);
  const unsigned image = blockIdx.x / q.n_tiles, t = blockIdx.x % q.n_tiles;
  const int64_t first_row = t / q.across * int64_t{kTile}, first_column = t % q.across * int64_t{kTile};
  const int64_t from_image = image * q.n_rows * q.n_columns, to_image = image * q.n_columns * q.to_columns;
  for (int r = static_cast<int>(threadIdx.y); r < kTile; r += kThreadRows) {
    const int64_t row = first_row + r, column = first_column + threadIdx.x;
    if (row < q.n_rows && column < q.n_columns)
      tile[r][threadIdx.x] = from[from_image + row * q.n_columns + column];
  }
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.y); c < kTile; c += kThreadRows) {
    const int64_t row = first_row + threadIdx.x, column = first_column + c;
    if (row < q.n_rows && column < q.n_columns)
      to[to_image + column * q.to_columns + q.begin + row] = tile[threadIdx.x][c];
  }
}

void run(const Exec& exec, const char* name, Transpose q, int64_t n_images, std::span<const float> from,
         std::span<float> to) {
  const auto tiles = [](int64_t n) { return static_cast<unsigned>((n + kTile - 1) / kTile); };
  q.across = tiles(q.n_columns);
  q.n_tiles = tiles(q.n_rows) * q.across;
  if (n_images * q.n_tiles == 0) return;
  const dim3 grid = grid_of(n_images * q.n_tiles), block(kTile, kThreadRows);
  launch(exec, {.name = name, .grid = grid, .block = block}, transpose_kernel, q, global(from), global(to));
}

int64_t pixels_of(const std::array<int64_t, 5>& extent) { return extent[2] * extent[3] * extent[4]; }

void to_last(const Exec& exec, const ChannelParts<const float>& x, std::span<float> last) {
  const auto one = [&](const View5<const float>& part, int64_t begin) {
    run(exec, "conv3d_channels_last", {part.size(1), pixels_of(part.extent), x.count(), begin}, part.size(0),
        part.flat(), last);
  };
  one(x.first, 0);
  if (x.second.data != nullptr) one(x.second, x.first.size(1));
}

void from_last(const Exec& exec, std::span<const float> last, View5<float> y) {
  const int64_t n_pixels = pixels_of(y.extent);
  run(exec, "conv3d_channels_first", {n_pixels, y.size(1), n_pixels, 0}, y.size(0), last, y.flat());
}

}  // namespace

const Conv3dChannelsLast conv3d_channels_last = {to_last, from_last};

}  // namespace primal::PRIMAL_SIMT
