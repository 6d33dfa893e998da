// The samples of a training on sequences: clips of data.frames frames, each cropped and resized to
// data.size as pictures are.
//
//   no folder               moving phantoms (data/phantom/moving.h), data.n_train and
//                           data.n_validation of them
//   FOLDER/train, /val      the sequences below each (data/sequence/sequence.h)
//   FOLDER, flat            its last sequences validate, as many as hold data.n_validation clips
//                           (0: a tenth of the sequences)
//
// A sequence is cut into as many clips as it holds, one after the other; frames left over at its end are not
// used. The first data.n_train and data.n_validation clips are used (0: all). Every file is checked before
// the run begins; a broken file, or a sequence shorter than a clip, is an error that names it, or is left
// out with data.skip_broken.
// Errors:  IoError and DataError where folders or sequences are missing, too few, too short or broken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/dataset/dataset.h"
#include "data/dataset/picture_check.h"
#include "data/sequence/sequence.h"

namespace primal {

struct ClipSet {
  std::unique_ptr<Dataset> frames;  // frame t of clip i is picture i * n_frames + t
  int64_t n_frames = 0;             // of a clip
  std::vector<std::string> names;   // of the clips

  int64_t size() const { return frames->size() / n_frames; }
  Tensor clip(int64_t i) const;  // f32 [1,1,S,S,n_frames] in [0,1]
};

struct SequenceData {
  ClipSet train, validation;
  std::vector<std::string> remarks;  // messages for the user before the first step
};

SequenceData open_sequence_data(const TrainConfig& config, PictureCheck check = PictureCheck::headers);

// The clips to score: those of all sequences below data.folder, or of its test split if it has one. A
// sequence shorter than data.frames is one clip of all its frames. A broken sequence is left out and listed.
struct TestClips {
  struct Clip {
    SequencePlace place;
    std::string name;
    int64_t first = 0, n_frames = 0;
  };
  struct Broken {
    std::string name, problem;
  };
  TrainConfig::Data data;
  std::vector<Clip> clips;
  std::vector<Broken> broken;
  int64_t n_sequences = 0, n_short = 0;  // all of them; those shorter than data.frames

  int64_t size() const { return std::ssize(clips); }
  Tensor clip(int64_t i) const;  // f32 [1,1,S,S,n_frames] in [0,1], read anew at each call
};

TestClips open_test_clips(const TrainConfig& config);

}  // namespace primal
