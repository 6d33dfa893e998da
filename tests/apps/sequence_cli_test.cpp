// Sequences from outside: primal import, train, denoise --sequence, evaluate and inspect with nn/dynamic_tv.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/metrics/metrics.h"
#include "data/safetensors/safetensors.h"
#include "data/sequence/frames.h"
#include "data/sequence/sequence.h"
#include "support/sequences.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Outcome;
using testing::text_of;
using testing::TrainCli;

// 3,600 parameters, clips of 6 frames of 16 x 16, T = 8.
constexpr const char* kSmall =
    " --set task.kind=sequence --set data.size=16 --set data.frames=6 --set data.n_train=5"
    " --set data.n_validation=2 --set sequence.filters=2 --set sequence.stages=2 --set sequence.iterations=8"
    " --set sequence.pad_xy=1 --set sequence.pad_t=2 --set noise.low=0.5 --set noise.high=0.5"
    " --set training.learning_rate=1e-3 --threads 1";

class Sequences : public TrainCli {
 protected:
  std::map<std::string, std::vector<double>> weights(const std::string& file) const {
    std::map<std::string, std::vector<double>> all;
    for (const auto& [name, tensor] : Safetensors::read(path(file)).tensors())
      all[name] = tensor.to_doubles();
    return all;
  }
  Tensor read(const std::string& name) const { return read_sequence(sequence_at(path(name))).tensor(); }
  void write_npy(const std::string& name, uint32_t index, int64_t size, int64_t n_frames) const {
    testing::write_stack(folder_ / name, testing::moving_stack(PictureFormat::npy, index, size, n_frames));
  }
};

TEST_F(Sequences, AResumedTrainingHasTheSameBits) {
  ASSERT_EQ(train("-q --steps 7 -o " + path("whole") + kSmall).exit_code, 0);
  // Within an epoch and with a talkative start, which tries a step out.
  ASSERT_EQ(train("--progress none --steps 4 -o " + path("parts") + kSmall).exit_code, 0);
  const Outcome resumed = train("--progress none --resume --steps 7 --threads 1 -o " + path("parts"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(column("whole", "loss"), column("parts", "loss"));
  EXPECT_EQ(weights("whole/last.safetensors"), weights("parts/last.safetensors"));
  EXPECT_EQ(column("whole", "validation_psnr_db").back(), column("parts", "validation_psnr_db").back());
}

TEST_F(Sequences, ATrainingLearnsAndItsModelDenoises) {
  const Outcome trained = train("--progress none --steps 150 -o " + path("run") + kSmall +
                                " --set sequence.up_bound=0.1 --set sequence.start=zero"
                                " --set sequence.iterations=16 --set training.validate_every=50");
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.err.find("--sequence FRAMES"), std::string::npos) << trained.err;
  EXPECT_TRUE(exists("run/report.html"));
  const std::string events = text_of(folder_ / "run/events.jsonl");
  EXPECT_NE(events.find("best pair"), std::string::npos);
  ASSERT_EQ(run("data moving -q --sequences 2 --frames 7 --size 16 --seed 5 -o " + path("clean")).exit_code,
            0);
  const Outcome denoised = run("denoise --json -q " + path("run") + " --sequence " +
                               path("clean/moving-000001") + " --noise 0.5 -o " + path("out") + " --map");
  ASSERT_EQ(denoised.exit_code, 0) << denoised.err;
  const json report = json::parse(denoised.out);
  EXPECT_EQ(report.at("frames"), 7);
  EXPECT_GT(report.at("psnr").get<double>(), report.at("psnr_noisy").get<double>());
  EXPECT_TRUE(exists("out/maps/moving-000001_lambda.png"));
  // What was written is what was scored, but for the rounding to 8 bits and the clipping.
  const Tensor clean = read("clean/moving-000001"), written = read("out");
  double psnr_db = 0.0;
  for (int64_t t = 0; t < 7; ++t) psnr_db += psnr(frame_at(written, t), frame_at(clean, t)) / 7.0;
  EXPECT_NEAR(psnr_db, report.at("psnr").get<double>(), 0.3);
}

TEST_F(Sequences, AModelIsEvaluatedAgainstTheBestPair) {
  ASSERT_EQ(train("-q --steps 2 -o " + path("run") + kSmall).exit_code, 0);
  ASSERT_EQ(run("data moving -q --sequences 3 --frames 6 --size 16 --seed 5 -o " + path("clean")).exit_code,
            0);
  const Outcome done = run("evaluate --json -q " + path("run") + " --data " + path("clean") +
                           " --limit 2 --scalar-iterations 20 -o " + path("ev"));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const json summary = json::parse(done.out);
  EXPECT_EQ(summary.at("task"), "sequence");
  EXPECT_EQ(summary.at("pictures"), 2);
  const auto psnr_of = [&](const char* method) { return summary.at(method).at("psnr_db").get<double>(); };
  EXPECT_GT(psnr_of("best_pair_by_psnr"), psnr_of("noisy"));
  EXPECT_GE(psnr_of("best_pair_by_psnr"), psnr_of("best_pair_by_ssim"));
  EXPECT_NEAR(summary.at("gain").at("psnr_db").at("mean").get<double>(),
              psnr_of("model") - psnr_of("best_pair_by_psnr"), 1e-6);
  EXPECT_GE(summary.at("clips").at(0).at("pairs_solved").get<int>(), 100);
  EXPECT_TRUE(exists("ev/figures/sequence_first.png"));
  EXPECT_EQ(read_image(folder_ / "ev/figures/sequence_first_film.png").height, 9 * 16);
  EXPECT_NE(text_of(folder_ / "ev/report.html").find("best pair of scalar weights"), std::string::npos);
  EXPECT_NE(text_of(folder_ / "ev/evaluation.csv").find("moving-000001"), std::string::npos);
  const Outcome page = run("report -q " + path("ev") + " --overwrite");
  EXPECT_EQ(page.exit_code, 0) << page.err;
  const Outcome no_folder = run("evaluate " + path("run") + " --data " + path("gone"));
  EXPECT_EQ(no_folder.exit_code, 3) << no_folder.err;
}

TEST_F(Sequences, ATrainingReadsFoldersOfFramesAndFilesOfPages) {
  for (int i = 0; i < 2; ++i)
    testing::write_frames(folder_ / ("data/frames" + std::to_string(i)), static_cast<uint32_t>(i), 20, 13);
  fs::create_directories(folder_ / "data/scans");
  write_npy("data/scans/a.npy", 7, 18, 6);
  write_npy("data/scans/b.npy", 8, 18, 12);
  const Outcome done = train("--progress none --steps 3 -o " + path("run") + kSmall + " --data " +
                             path("data") + " --set data.n_train=0 --set data.n_validation=1");
  ASSERT_EQ(done.exit_code, 0) << done.err;
  // b validates with its two clips, of which data.n_validation takes one; 2 + 2 + 1 train.
  EXPECT_NE(done.err.find("5 clips of 6 frames train, 1 validate"), std::string::npos) << done.err;
  const Outcome resumed = train("-q --resume --steps 5 -o " + path("run"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
}

TEST_F(Sequences, WhatATrainingCannotUseIsNamed) {
  testing::write_frames(folder_ / "data/long", 1, 20, 12);
  testing::write_frames(folder_ / "data/short", 2, 20, 4);
  testing::write_frames(folder_ / "data/z", 3, 20, 6);
  const std::string data = std::string(kSmall) + " --data " + path("data") + " --set data.n_validation=1";
  const Outcome short_one = train("--steps 1 -o " + path("run") + data);
  EXPECT_EQ(short_one.exit_code, 3);
  EXPECT_NE(short_one.err.find("has 4 frames, fewer than data.frames 6"), std::string::npos) << short_one.err;
  const Outcome skipped =
      train("--progress none --steps 1 --set data.skip_broken=true -o " + path("run") + data);
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_NE(skipped.err.find("1 of 3 sequences"), std::string::npos) << skipped.err;
  const Outcome few = train("--steps 1 -o " + path("x") + kSmall + " --set sequence.pad_t=6");
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_NE(few.err.find("needs at least 2 and 7"), std::string::npos) << few.err;
  const Outcome manifest = train("--steps 1 --set data.manifest=a.csv -o " + path("x") + kSmall);
  EXPECT_NE(manifest.err.find("data.manifest belongs to task.kind denoise, classify, reconstruct"),
            std::string::npos)
      << manifest.err;
  const Outcome filters = train("--steps 1 --set model.filters=3 -o " + path("x") + kSmall);
  EXPECT_NE(filters.err.find("this training has task.kind sequence"), std::string::npos) << filters.err;
}

TEST_F(Sequences, ADryRunCountsTheMemoryOfAStep) {
  const Outcome dry = train("--dry-run --json -o " + path("dry") + kSmall);
  ASSERT_EQ(dry.exit_code, 0) << dry.err;
  const json plan = json::parse(dry.out);
  EXPECT_GT(plan.at("bytes").at("activations").get<int64_t>(), 0);
  EXPECT_GT(plan.at("bytes").at("tape").get<int64_t>(),
            8 * 16 * 16 * 6 * 4);  // x of each iteration, for the steps
  EXPECT_GT(plan.at("flops").at("pdhg").get<double>(), 0.0);
  // What the step took when it was tried is what was counted before.
  EXPECT_EQ(plan.at("trial").at("peak_bytes_with_moments"), plan.at("bytes").at("total"));
  EXPECT_FALSE(exists("dry"));
}

TEST_F(Sequences, APairOfWeightsNeedsNoModel) {
  testing::write_frames(folder_ / "noisy", 4, 16, 5);
  write_npy("noisy.npy", 4, 16, 5);
  const Outcome frames =
      run("denoise -q --lambda 0.05,0.1 --sequence " + path("noisy") + " -o " + path("frames"));
  ASSERT_EQ(frames.exit_code, 0) << frames.err;
  EXPECT_TRUE(exists("frames/frame5.png"));
  const Outcome stack =
      run("denoise -q --lambda 0.05,0.1 --sequence " + path("noisy.npy") + " -o " + path("stack.npy"));
  ASSERT_EQ(stack.exit_code, 0) << stack.err;
  EXPECT_EQ(read("frames").to_doubles(), read("stack.npy").to_doubles());
  EXPECT_NE(read("frames").to_doubles(), read("noisy").to_doubles());
  const Outcome again =
      run("denoise -q --lambda 0.05,0.1 --sequence " + path("noisy.npy") + " -o " + path("stack.npy"));
  EXPECT_EQ(again.exit_code, 3) << again.err;
  // The weight in time matters, and the clean sequence scores what comes of it.
  const Outcome scored =
      run("denoise --json -q --lambda 0.05 --sequence " + path("noisy") + " --clean " + path("noisy.npy"));
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  EXPECT_TRUE(json::parse(scored.out).at("psnr_noisy").is_null());  // the same frames: infinite
}

TEST_F(Sequences, LevelsAreScoredAgainstFloatsOnlyOnAScaleThatIsGiven) {
  testing::write_frames(folder_ / "noisy", 4, 16, 5);
  const Raster first = read_raster(path("noisy") + "/frame1.png");
  Raster floats{.format = PictureFormat::npy,
                .width = first.width,
                .height = first.height,
                .pages = 5,
                .type = SampleType::f32};
  allocate(floats);
  for (int64_t t = 0; t < 5; ++t) {
    const Raster frame = read_raster(path("noisy") + "/frame" + std::to_string(t + 1) + ".png");
    std::ranges::copy(frame.page<uint8_t>(0), floats.page<float>(t).begin());
  }
  write_file_atomically(path("floats.npy"), encode_raster(floats, PictureFormat::npy));
  for (const auto& [noisy, clean] : {std::pair{"noisy", "floats.npy"}, {"floats.npy", "noisy"}}) {
    const std::string pair =
        "denoise --json -q --lambda 0.05 --sequence " + path(noisy) + " --clean " + path(clean);
    const Outcome refused = run(pair);
    EXPECT_EQ(refused.exit_code, 3) << refused.out;
    EXPECT_NE(refused.err.find("scores need one scale"), std::string::npos) << refused.err;
    const Outcome scored = run(pair + " --range 0:255");
    ASSERT_EQ(scored.exit_code, 0) << scored.err;
    EXPECT_TRUE(json::parse(scored.out).at("psnr_noisy").is_null()) << scored.out;
  }
}

TEST_F(Sequences, RefusesWhatDoesNotGoTogether) {
  testing::write_frames(folder_ / "noisy", 4, 16, 5);
  const std::string sequence = " --sequence " + path("noisy");
  const auto refused = [&](const std::string& options, const std::string& said) {
    const Outcome outcome = run("denoise " + options);
    EXPECT_EQ(outcome.exit_code, 2) << options << outcome.err;
    EXPECT_NE(outcome.err.find(said), std::string::npos) << options << outcome.err;
  };
  refused("--lambda 0.1,0.1" + sequence, "nowhere to write");
  refused("--lambda 0.1,0.1 picture.png" + sequence + " -o " + path("o"), "takes one MODEL");
  refused(sequence + " -o " + path("o"), "takes one MODEL");
  refused("--lambda 0.1,0.1 --compare" + sequence + " -o " + path("o"), "--compare is for pictures");
  refused("--lambda 0.1,0.1 --map" + sequence + " -o " + path("o"), "is not a map");
  refused("--lambda 0.1,0.1" + sequence + " -o " + path("one.png"), "names one picture");
  const Outcome text = run("denoise --lambda 0.1,a" + sequence + " -o " + path("o"));
  EXPECT_NE(text.exit_code, 0);
  EXPECT_NE(text.err.find("two numbers from 0 to 100"), std::string::npos) << text.err;
  const Outcome none = run("denoise");
  EXPECT_EQ(none.exit_code, 2) << none.err;
  EXPECT_NE(none.err.find("paths"), std::string::npos) << none.err;
}

TEST_F(Sequences, PublishedWeightsAreImported) {
  ASSERT_EQ(train("-q --steps 1 -o " + path("run") + kSmall).exit_code, 0);
  // Bare weights, as they are published: without Adam and without metadata.
  TensorMap bare;
  for (const auto& [name, tensor] : Safetensors::read(path("run/last.safetensors")).tensors())
    if (!name.starts_with("adam.")) bare[name] = tensor;
  write_safetensors(path("bare.safetensors"), bare, {{"source", "somebody, CC0"}});
  const std::string set = " --set sequence.iterations=8 --set sequence.pad_xy=1 --set sequence.pad_t=2";
  const Outcome imported =
      run("import --json " + path("bare.safetensors") + " -o " + path("m.safetensors") + set);
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(json::parse(imported.out).at("model"), "dynamic_tv");
  testing::write_frames(folder_ / "noisy", 4, 16, 5);
  for (const char* model : {"run/last.safetensors", "m.safetensors"}) {
    const Outcome done = run("denoise -q " + path(model) + " --sequence " + path("noisy") + " -o " +
                             path(std::string(model) + "_out"));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  EXPECT_EQ(read("run/last.safetensors_out").to_doubles(), read("m.safetensors_out").to_doubles());
  const Outcome shown = run("inspect " + path("m.safetensors"));
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  for (const char* text : {"dynamic_tv", "sequence.filters", "somebody, CC0"})
    EXPECT_NE(shown.out.find(text), std::string::npos) << text << shown.out;
  const Outcome twice = run("import " + path("m.safetensors") + " -o " + path("n.safetensors"));
  EXPECT_EQ(twice.exit_code, 3);
  EXPECT_NE(twice.err.find("is a checkpoint already"), std::string::npos) << twice.err;
  const Outcome wrong = run("import " + path("bare.safetensors") + " -o " + path("n.safetensors") +
                            " --set model.iterations=3");
  EXPECT_NE(wrong.err.find("settings that begin with sequence."), std::string::npos) << wrong.err;
  const Outcome init =
      train("-q --steps 1 --init " + path("bare.safetensors") + " -o " + path("next") + kSmall);
  EXPECT_EQ(init.exit_code, 0) << init.err;
}

TEST_F(Sequences, WeightsOfTheThesisModelAreImportedToo) {
  ASSERT_EQ(train("-q --steps 1 -o " + path("run") + kTiny).exit_code, 0);
  TensorMap bare;
  for (const auto& [name, tensor] : Safetensors::read(path("run/last.safetensors")).tensors())
    if (!name.starts_with("adam.")) bare[name] = tensor;
  write_safetensors(path("bare.safetensors"), bare);
  const Outcome imported = run("import " + path("bare.safetensors") + " -o " + path("m.safetensors") +
                               " --set model.iterations=4 --title small");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  write_phantom("a.png", 1, 8, 16);
  for (const char* model : {"run/last.safetensors", "m.safetensors"}) {
    const Outcome done =
        run("denoise -q " + path(model) + " " + path("a.png") + " -o " + path(std::string(model) + ".png"));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  EXPECT_EQ(read_image(folder_ / "run/last.safetensors.png").levels,
            read_image(folder_ / "m.safetensors.png").levels);
}

}  // namespace
}  // namespace primal
