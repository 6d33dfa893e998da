// How the forward pass in tiles writes the codes of its tape (pdhg_tape.h): a vote of each warp,
// and a byte by each lane.
#pragma once

#include "solvers/pdhg/cuda/pdhg_overlapped.h"

namespace primal::PRIMAL_SIMT {

// Where a thread writes the tape. The codes go out byte by byte, since the width of a tile is a multiple of 8
// and not always of 16. A row takes kLanes lanes, each with a byte of `above` or of `below`, of component 0
// or of component 1; the warp writes kTogether rows at once.
template <class Tile>
struct TapePlace {
  static constexpr int kBytes = Tile::kWidth / 8, kLanes = 4 * kBytes, kTogether = kWarp / kLanes;
  static_assert(Tile::kWidth % 8 == 0 && kLanes <= kWarp, "a lane writes one byte at most");
  static constexpr int kColumns = Tile::kColumns;
  static_assert(kColumns <= 2 && Tile::kHalo % kColumns == 0, "a byte is made of one vote or of two");

  int row;        // of the rows that are written together, which one this lane writes
  bool of_w;      // component 1, not 0
  bool of_below;  // `below`, not `above`
  bool writes[size_t{(Tile::kRows + kTogether - 1) / kTogether}];
  int shift;      // of the lane's byte in a vote of the warp on one of its columns
  int row_bytes;  // of the codes
  // Offsets of the lane's byte and of the thread's first pixel, and from one iteration to the next. Those of
  // a halo may lie outside of the tape; nothing is written there.
  int64_t code, code_stride, x, x_stride;

  TapePlace() = default;
  __device__ TapePlace(const Pictures& v, const Tape& tape, const Column<Tile>& at, int64_t k) {
    const int lane = static_cast<int>(threadIdx.x), byte = lane % kBytes, mask = lane / kBytes;
    row = lane / kLanes;
    of_below = mask % 2 == 1, of_w = mask / 2 % 2 == 1;
    shift = (Tile::kHalo + 8 * byte) / kColumns;
    const int w = at.tile_w + 8 * byte;
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      if (r % kTogether == 0) writes[r / kTogether] = false;
      if (r % kTogether == row) writes[r / kTogether] = at.own_row[r] && w < v.W;
    }
    constexpr int word_bytes = sizeof(CodeWord);
    row_bytes = 2 * tape.words * word_bytes;
    const int64_t tape_row = tape.row(v, at.n, k, at.d, at.h), rows = int64_t{v.D} * v.H;
    code = (tape_row + row) * row_bytes + ((of_w ? tape.words : 0) + w / kCodesPerWord) * word_bytes +
           (of_below ? word_bytes / 2 : 0) + w % kCodesPerWord / 8;
    code_stride = rows * row_bytes;
    x = tape_row * tape.padded + at.w[0];
    x_stride = rows * tape.padded;
  }
  __device__ void next_iteration() { code += code_stride, x += x_stride; }
};

// abcd -> 0a0b0c0d: the bits of every other column.
__device__ inline unsigned spread(unsigned four_bits) {
  const unsigned pairs = (four_bits | four_bits << 2) & 0x33U;
  return (pairs | pairs << 1) & 0x55U;
}

// The votes of a warp on its codes, row by row; each lane keeps what it will write.
template <class Tile>
struct CodeVotes {
  static constexpr int kColumns = Tile::kColumns;
  const TapePlace<Tile>& place;
  unsigned mine[size_t{kColumns}] = {};

  __device__ void add(const Tape& tape, int r, int c, float v_h, float bound_h, float v_w, float bound_w) {
    constexpr int together = TapePlace<Tile>::kTogether;
    const unsigned above_h = __ballot_sync(kAllLanes, v_h > bound_h);
    const unsigned below_h = __ballot_sync(kAllLanes, v_h < -bound_h);
    const unsigned above_w = __ballot_sync(kAllLanes, v_w > bound_w);
    const unsigned below_w = __ballot_sync(kAllLanes, v_w < -bound_w);
    const unsigned h = place.of_below ? below_h : above_h, w = place.of_below ? below_w : above_w;
    const unsigned vote = place.of_w ? w : h;
    if (r % together == 0 || r % together == place.row) mine[c] = vote;
    if (c != kColumns - 1 || (r % together != together - 1 && r != Tile::kRows - 1)) return;
    if (place.writes[r / together])
      as<uint8_t>(tape.codes)[place.code + r / together * together * place.row_bytes] = byte();
  }

 private:
  __device__ uint8_t byte() const {
    const unsigned first = mine[0] >> place.shift;
    if (kColumns == 1) return static_cast<uint8_t>(first);
    const unsigned second = mine[kColumns - 1] >> place.shift;
    return static_cast<uint8_t>(spread(first & 0xFU) | spread(second & 0xFU) << 1);
  }
};

}  // namespace primal::PRIMAL_SIMT
