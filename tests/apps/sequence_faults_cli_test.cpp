// What goes wrong with sequences, from outside: too little memory, signals, broken files, what an
// earlier run left behind.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/safetensors/safetensors.h"
#include "support/sequences.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;
using testing::text_of;
using testing::TrainCli;

class SequenceFaults : public TrainCli {
 protected:
  // 3,600 parameters, clips of 6 frames of 16 x 16, T = 8.
  static constexpr const char* kSmall =
      " --set task.kind=sequence --set data.size=16 --set data.frames=6 --set data.n_train=2"
      " --set data.n_validation=1 --set sequence.filters=2 --set sequence.stages=2 --threads 1"
      " --set sequence.iterations=8 --set sequence.pad_xy=1 --set sequence.pad_t=2";
  void train_model() const {
    const Outcome trained = train("-q --steps 1 -o " + path("run") + kSmall);
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  void write_bare() const {
    TensorMap bare;
    for (const auto& [name, tensor] : Safetensors::read(path("run/last.safetensors")).tensors())
      if (!name.starts_with("adam.")) bare[name] = tensor;
    write_safetensors(path("bare.safetensors"), bare);
  }
  void cut_in_half(const std::string& name) const {
    const std::string whole = text_of(folder_ / name);
    write_file_atomically(folder_ / name, {reinterpret_cast<const uint8_t*>(whole.data()), whole.size() / 2});
  }
  std::string evaluation(const std::string& rest) const {
    return "evaluate " + path("run") + " --data " + path("data") + " --scalar-iterations 4 " + rest;
  }
  static int64_t lines_of(const std::string& text) { return std::ranges::count(text, '\n'); }
};

TEST_F(SequenceFaults, ASolverThatNeedsMoreMemoryThanThereIsIsRefused) {
#ifdef PRIMAL_SANITIZED
  GTEST_SKIP() << "a sanitizer reserves terabytes of addresses, so the program cannot be given few";
#endif
  testing::write_stack(folder_ / "big.npy", testing::moving_stack(PictureFormat::npy, 1, 512, 64));
  const std::string command = fmt::format(
      "bash -c 'ulimit -v 1000000; {} denoise --threads 1 --lambda 0.05,0.1 --sequence {} -o {} 2> {}'",
      PRIMAL_PROGRAM, path("big.npy"), path("out.npy"), path("err.txt"));
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  const std::string err = text_of(folder_ / "err.txt");
  EXPECT_EQ(WEXITSTATUS(status), 4) << err;
  EXPECT_TRUE(has(err, "the solver needs") && has(err, "64 frames of 512 x 512 pixels")) << err;
  EXPECT_FALSE(exists("out.npy"));
}

TEST_F(SequenceFaults, StartsAtAPairOnlyIfItIsOne) {
  const auto start = [&](const std::string& pair) {
    return train("-q --steps 1 -o " + path("run") + kSmall + pair);
  };
  for (const char* pair : {" --set sequence.initial_xy=0.1", " --set sequence.initial_t=0.1",
                           " --set sequence.initial_xy=0.1 --set sequence.initial_t=0.5"}) {
    const Outcome refused = start(pair);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_TRUE(has(refused.err, "sequence.initial_xy") && has(refused.err, "up_bound")) << refused.err;
    EXPECT_FALSE(exists("run"));
  }
  EXPECT_EQ(start(" --set sequence.initial_xy=0.1 --set sequence.initial_t=0.4").exit_code, 0);
}

TEST_F(SequenceFaults, AStoppedEvaluationWritesTheClipsItHas) {
  train_model();
  for (uint32_t i = 0; i < 30; ++i) testing::write_frames(folder_ / fmt::format("data/s{:02}", i), i, 16, 6);
  // A shell's background processes ignore SIGINT, unless it has job control.
  const std::string command = fmt::format(
      "bash -c 'set -m; {0} evaluate {1} --data {2} --scalar-iterations 64 -o {3} > {4} 2> {5} & p=$!; "
      "while kill -0 $p && ! grep -q \" 2/30 \" {5}; do sleep 0.01; done; kill -INT $p; wait $p'",
      PRIMAL_PROGRAM, path("run"), path("data"), path("ev"), path("said.txt"), path("err.txt"));
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(folder_ / "err.txt");
  const int64_t n = lines_of(text_of(folder_ / "ev/evaluation.csv")) - 1;
  EXPECT_GE(n, 2);
  EXPECT_LT(n, 30);
  const json summary = json::parse(text_of(folder_ / "ev/summary.json"));
  EXPECT_EQ(summary.at("pictures"), n);
  EXPECT_EQ(summary.at("complete"), false);
  EXPECT_TRUE(has(text_of(folder_ / "ev/report.html"), "The evaluation was stopped"));
  EXPECT_TRUE(has(text_of(folder_ / "said.txt"), fmt::format("mean of {}", n)));
}

TEST_F(SequenceFaults, ResultsSayHowTheyCameAbout) {
  train_model();
  testing::write_frames(folder_ / "noisy", 4, 16, 6);
  const auto denoise = [&](const std::string& what, const std::string& out) {
    const Outcome o = run("denoise -q " + what + " --sequence " + path("noisy") + " -o " + path(out));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return text_of(folder_ / out / "frame1.png");
  };
  const auto chunk = [](const std::string& key, const std::string& value) {
    return "tEXt" + key + '\0' + value;
  };
  const std::string of_pair = denoise("--lambda 0.05,0.1 --iterations 20 --range 0:255", "pair");
  EXPECT_TRUE(has(of_pair, chunk("Primal lambda", "0.05,0.1")));
  EXPECT_TRUE(has(of_pair, chunk("Primal iterations", "20")));
  EXPECT_TRUE(has(of_pair, chunk("Primal boundary", "symmetric")));
  EXPECT_TRUE(has(of_pair, chunk("Primal level range", "0:255")));
  EXPECT_FALSE(has(of_pair, "Primal model"));
  EXPECT_TRUE(has(denoise("--lambda 0.05,0.1 --gap 0.01", "gap"), chunk("Primal gap", "0.01")));
  const std::string of_model = denoise(path("run/last.safetensors"), "model");
  EXPECT_TRUE(has(of_model, chunk("Primal model", "last.safetensors")));
  EXPECT_TRUE(has(of_model, chunk("Primal model CRC-32",
                                  Safetensors::read(path("run/last.safetensors")).metadata().at("crc32"))));
  EXPECT_FALSE(has(of_model, "Primal lambda"));
}

TEST_F(SequenceFaults, OneBrokenSequenceDoesNotStopTheOthers) {
  train_model();
  for (uint32_t i = 0; i < 3; ++i) testing::write_frames(folder_ / fmt::format("data/s{}", i), i, 16, 6);
  cut_in_half("data/s1/frame3.png");
  const Outcome o = run(evaluation("-o " + path("ev")));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "frame3.png") && has(o.err, "1 sequence could not be used")) << o.err;
  EXPECT_FALSE(has(o.err, "skip_broken") || has(o.err, "0 x 0")) << o.err;
  EXPECT_EQ(lines_of(text_of(folder_ / "ev/evaluation.csv")), 3);
  EXPECT_EQ(json::parse(text_of(folder_ / "ev/summary.json")).at("errors").size(), 1U);
  // All commands report what is wrong with a sequence in the same words.
  const auto reason = [](const std::string& err) {
    const size_t at = err.find("frame3.png");
    return err.substr(at, err.find('\n', at) - at);
  };
  const Outcome denoised =
      run("denoise --lambda 0.1,0.1 --sequence " + path("data/s1") + " -o " + path("out"));
  EXPECT_EQ(reason(o.err), reason(denoised.err));
  const Outcome trained = train("--steps 1 -o " + path("t") + " --data " + path("data") + kSmall);
  EXPECT_EQ(trained.exit_code, 3);
  EXPECT_EQ(reason(o.err), reason(trained.err)) << trained.err;
}

TEST_F(SequenceFaults, ATiffOfSeveralPagesAmongFramesIsNamed) {
  testing::write_frames(folder_ / "data/a", 1, 20, 6);
  testing::write_frames(folder_ / "data/b", 2, 20, 6);
  testing::write_stack(folder_ / "data/b/frame9.tif", testing::moving_stack(PictureFormat::tiff, 1, 20, 3));
  const Outcome trained = train("--steps 1 -o " + path("t") + " --data " + path("data") + kSmall);
  EXPECT_EQ(trained.exit_code, 3);
  EXPECT_TRUE(has(trained.err, "frame9.tif has 3 pages")) << trained.err;
  EXPECT_FALSE(has(trained.err, "0 x 0")) << trained.err;
}

TEST_F(SequenceFaults, ASequenceShorterThanAClipIsEvaluatedWhole) {
  train_model();
  testing::write_frames(folder_ / "data/long", 1, 16, 12);
  testing::write_frames(folder_ / "data/short", 2, 16, 4);
  const Outcome o = run(evaluation("--json"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "1 of 2 sequences have fewer than 6 frames")) << o.err;
  const json clips = json::parse(o.out).at("clips");
  ASSERT_EQ(clips.size(), 3U);
  EXPECT_EQ(clips.at(1).at("frames"), 6);
  EXPECT_EQ(clips.at(2).at("name"), "short");
  EXPECT_EQ(clips.at(2).at("frames"), 4);
}

TEST_F(SequenceFaults, WithoutNoiseInfiniteScoresAreCounted) {
  train_model();
  testing::write_frames(folder_ / "data/a", 1, 16, 6);
  const Outcome o = run(evaluation("--noise 0"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_FALSE(has(o.out, "nan") || has(o.err, "nan")) << o.out << o.err;
  EXPECT_TRUE(has(o.out, "(95 % -)")) << o.out;
  EXPECT_TRUE(has(o.err, "PSNR, noisy: 1 of 1 infinite")) << o.err;
  const json summary = json::parse(run(evaluation("--json -q --noise 0")).out);
  EXPECT_EQ(summary.at("noisy").at("infinite"), 1);
  EXPECT_EQ(summary.at("best_pair_by_psnr").at("infinite"), 1);
  EXPECT_EQ(summary.at("best_pair_by_psnr").at("lambda_xy"), 0.0);
}

TEST_F(SequenceFaults, SettingsThatContradictTheTensorsAreRefused) {
  train_model();
  write_bare();
  for (const auto& [set, said] : {std::pair{"sequence.filters=8", "the tensors say 2"},
                                  std::pair{"sequence.stages=3", "the tensors say 2"}}) {
    const Outcome o =
        run("import " + path("bare.safetensors") + " -o " + path("m.safetensors") + " --set " + set);
    EXPECT_EQ(o.exit_code, 2) << o.err;
    EXPECT_TRUE(has(o.err, said)) << o.err;
  }
  EXPECT_FALSE(exists("m.safetensors"));
  const Outcome same = run("import " + path("bare.safetensors") + " -o " + path("m.safetensors") +
                           " --set sequence.filters=2 --set sequence.stages=2");
  EXPECT_EQ(same.exit_code, 0) << same.err;
}

TEST_F(SequenceFaults, FramesOfAnEarlierLargerRunAreRemoved) {
  const auto make = [&](const std::string& how) {
    const Outcome o = run("data moving --size 16 -o " + path("moving") + how);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return o.out;
  };
  make(" --sequences 3 --frames 5");
  write_phantom("moving/moving-000000/mine.png", 1, 8, 16);
  write_phantom("moving/moving-000002/mine.png", 1, 8, 16);
  EXPECT_TRUE(has(make(" --sequences 1 --frames 3 --overwrite"), "1 sequence of 3 frames"));
  EXPECT_TRUE(exists("moving/moving-000000/frame_002.png"));
  EXPECT_FALSE(exists("moving/moving-000000/frame_003.png"));
  EXPECT_FALSE(exists("moving/moving-000001"));
  EXPECT_FALSE(exists("moving/moving-000002/frame_000.png"));
  EXPECT_TRUE(exists("moving/moving-000000/mine.png") && exists("moving/moving-000002/mine.png"));
}

TEST_F(SequenceFaults, OptionsOfPicturesAreRefused) {
  train_model();
  testing::write_frames(folder_ / "data/a", 1, 16, 6);
  const Outcome colour =
      run("denoise --lambda 0.1,0.1 --colour channels --sequence " + path("data/a") + " -o " + path("out"));
  EXPECT_EQ(colour.exit_code, 2);
  EXPECT_TRUE(has(colour.err, "--colour is for pictures")) << colour.err;
  const Outcome grid = run(evaluation("--grid 0:0.8:81"));
  EXPECT_EQ(grid.exit_code, 2);
  EXPECT_TRUE(has(grid.err, "--grid is for maps")) << grid.err;
}

TEST_F(SequenceFaults, AFrameThatIsALinkToNothingIsReported) {
  testing::write_frames(folder_ / "noisy", 4, 16, 6);
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "noisy/frame9.png");
  const Outcome o = run("denoise --lambda 0.1,0.1 --sequence " + path("noisy") + " -o " + path("out"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "frame9.png")) << o.err;
}

}  // namespace
}  // namespace primal
