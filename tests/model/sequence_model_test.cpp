#include "model/sequence_model.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "model/checkpoint_format.h"
#include "model/model_file.h"
#include "nn/unrolled_tv/map_error.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

SequenceSettings small() {
  SequenceSettings s;
  s.filters = 2;
  s.stages = 2;
  s.iterations = 6;
  s.pad_xy = 1;
  s.pad_t = 2;
  return s;
}

Tensor frames(const Shape& shape, uint32_t sample = 1) {
  const Tensor z = Tensor::empty(shape);
  RandomStream(3, RandomPurpose::test, 0, sample).fill_uniform(z, 0.0, 1.0);
  return z;
}

void write_model(const std::filesystem::path& file, const SequenceModel& model) {
  SequenceSettings settings = model.settings();
  write_checkpoint(file, model.module().state(), to_json(sequence_keys(settings)).dump(), {}, kDynamicTv);
}

TEST(SequenceModel, ACheckpointGivesTheSameResult) {
  const TemporaryFolder folder;
  Initialiser init(4);
  SequenceSettings settings = small();
  settings.boundary = "symmetric";
  const SequenceModel model(settings, init);
  write_model(folder / "m.safetensors", model);
  EXPECT_TRUE(has_sequence_model(folder / "m.safetensors"));
  const SequenceModel loaded = load_sequence_model(folder / "m.safetensors");
  EXPECT_EQ(loaded.settings(), settings);
  const Tensor z = frames({1, 1, 6, 5, 4});
  const Denoised a = denoise_sequence(model, z), b = denoise_sequence(loaded, z);
  EXPECT_EQ(a.x.to_doubles(), b.x.to_doubles());
  EXPECT_EQ(a.lambda.shape(), (Shape{1, 3, 6, 5, 4}));
  EXPECT_EQ(a.iterations, 6);
  EXPECT_NE(a.x.to_doubles(), denoise_sequence(model, z, {.iterations = 7}).x.to_doubles());
  EXPECT_NE(a.x.to_doubles(), denoise_sequence(model, z, {.boundary = Boundary::periodic}).x.to_doubles());
}

// What the solver of denoise_sequence does, and what the network does in a forward pass.
TEST(SequenceModel, DenoisesAsItsForwardPassInTesting) {
  for (const char* boundary : {"periodic", "symmetric"}) {
    Initialiser init(4);
    SequenceSettings settings = small();
    settings.boundary = boundary;
    const SequenceModel model(settings, init);
    const Tensor z = frames({1, 1, 6, 5, 4});
    const NoGrad no_grad;
    const DynamicTv::Result expected = model.module().forward(z, DynamicTv::Phase::testing);
    const Denoised got = denoise_sequence(model, z);
    EXPECT_LT(relative_l2(got.x, expected.denoised.value()), 1e-6) << boundary;
    EXPECT_EQ(got.lambda.to_doubles(), expected.lambda.value().to_doubles());
  }
}

TEST(SequenceModel, APairIsAConstantMap) {
  const Tensor z = frames({1, 1, 5, 6, 4}), lambda = Tensor::empty({1, 3, 5, 6, 4});
  for (int64_t i = 0; i < lambda.numel(); ++i) lambda.data<float>()[i] = i < 2 * z.numel() ? 0.05f : 0.2f;
  PdhgParams params = sequence_pdhg();
  params.n_iter = 40;
  const Denoised pair =
      denoise_sequence(LambdaPair{0.05, 0.2}, z, {.iterations = 40, .boundary = Boundary::periodic});
  EXPECT_LT(relative_l2(pair.x, pdhg_solve(z, lambda, params)), 1e-6);
  const Denoised solved = denoise_sequence(LambdaPair{0.05, 0.2}, z, {.gap = 1e-4});
  EXPECT_LE(solved.relative_gap, 1e-4);
  EXPECT_THROW(denoise_sequence(LambdaPair{-0.1, 0.0}, z), ConfigError);
}

// Time alone: each pixel is a line of its own, so frames that are all alike stay what they are.
TEST(SequenceModel, AWeightInTimeAloneKeepsWhatStandsStill) {
  const Tensor z = Tensor::empty({1, 1, 4, 5, 6});
  for (int64_t i = 0; i < z.numel(); ++i) z.data<float>()[i] = static_cast<float>(i / 6 % 7) / 7.0f;
  const Denoised result = denoise_sequence(LambdaPair{0.0, 0.5}, z);
  EXPECT_LT(relative_l2(result.x, z), 1e-6);
  EXPECT_GT(relative_l2(denoise_sequence(LambdaPair{0.5, 0.0}, z).x, z), 0.1);
}

TEST(SequenceModel, SaysWhichFramesAreTooFew) {
  Initialiser init(4);
  const SequenceModel model(SequenceSettings(), init);
  const std::string few = message_of<DataError>([&] { denoise_sequence(model, frames({1, 1, 8, 8, 7})); });
  EXPECT_NE(few.find("7 frames of 8 x 8 pixels, the model needs 8 frames of 5 x 5"), std::string::npos)
      << few;
  EXPECT_THROW(denoise_sequence(model, frames({1, 1, 4, 8, 8})), DataError);
  EXPECT_THROW(denoise_sequence(model, frames({1, 2, 8, 8, 8})), ShapeError);
  EXPECT_NO_THROW(model.check({1, 1, 5, 5, 8}, "z"));
}

TEST(SequenceModel, TheMemoryItTakesIsCountedWithoutComputing) {
  Initialiser init(4);
  const SequenceModel model(small(), init);
  const int64_t small_bytes = denoising_bytes(model, {1, 1, 16, 16, 8}),
                large = denoising_bytes(model, {1, 1, 64, 64, 8});
  EXPECT_GT(small_bytes, 4 * 18 * 18 * 12 * 4);  // at least a few activations of the padded frames
  EXPECT_GT(large,
            4 * small_bytes);  // 16 times the pixels; the workspace of a kernel does not grow with them
}

TEST(LambdaPair, TheMemoryItTakesIsWhatWasCounted) {
  const LambdaPair pair{0.05, 0.1};
  const Shape shape{1, 1, 64, 64, 32};
  for (const double gap : {0.0, 1e-3}) {
    const SequenceDenoisingOptions options{.iterations = 16, .gap = gap};
    const int64_t counted = denoising_bytes(pair, shape, Device{}, options);
    EXPECT_GE(counted, shape.numel() * 4 * 6);  // x, x_bar, p, and q with three components
    const Tensor z = frames(shape);
    host_pool().reset_peak();
    const size_t before = host_pool().stats().live_bytes;
    denoise_sequence(pair, z, options);
    const auto taken = static_cast<int64_t>(host_pool().stats().peak_bytes - before);
    EXPECT_LE(taken, counted) << gap;
    EXPECT_GE(taken, counted - counted / 8) << gap;
  }
}

TEST(SequenceModel, RefusesOtherModelsAndDamagedFiles) {
  const TemporaryFolder folder;
  Initialiser init(4);
  save_model(folder / "pictures.safetensors",
             UnrolledTv(UnrolledTvOptions{.unet = {.filters = 2, .blocks = 1}}, init));
  const std::string other =
      message_of<DataError>([&] { load_sequence_model(folder / "pictures.safetensors"); });
  EXPECT_NE(other.find("denoise (unrolled_tv), expected sequence (dynamic_tv)"), std::string::npos) << other;
  const SequenceModel model(small(), init);
  write_model(folder / "m.safetensors", model);
  const std::string map = message_of<DataError>([&] { load_model(folder / "m.safetensors"); });
  EXPECT_NE(map.find("sequence (dynamic_tv), expected denoise (unrolled_tv)"), std::string::npos) << map;
  write_checkpoint(folder / "lie.safetensors", model.module().state(), R"({"sequence.filters": 4})", {},
                   kDynamicTv);
  EXPECT_NE(message_of<DataError>([&] {
              load_sequence_model(folder / "lie.safetensors");
            }).find("says 4 filters, 3 stages, but its tensors have 2 filters, 2 stages"),
            std::string::npos);
  write_checkpoint(folder / "new.safetensors", model.module().state(), R"({"sequence.depth": 4})", {},
                   kDynamicTv);
  EXPECT_NE(message_of<DataError>([&] {
              load_sequence_model(folder / "new.safetensors");
            }).find("sequence.depth = 4, which this version does not know"),
            std::string::npos);
  TensorMap state = model.module().state();
  state.erase("sigma");
  write_safetensors(folder / "part.safetensors", state);
  EXPECT_THROW(load_sequence_model(folder / "part.safetensors"), DataError);
}

// The published weights and a run that the original code recorded.
TEST(SequenceModel, PublishedWeightsGiveTheRecordedRun) {
  const char* data = std::getenv("PRIMAL_DATA");
  const std::filesystem::path folder =
      std::filesystem::path(data == nullptr ? "../shared/data" : data) / "kofler";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  const SequenceModel model = load_sequence_model(folder / "kofler_dynamic_denoising.safetensors");
  EXPECT_EQ(model.settings(), SequenceSettings());
  const Safetensors run = Safetensors::read(folder / "kofler_run_testing.safetensors");
  const Denoised result = denoise_sequence(model, run.tensor("input.noisy"));
  EXPECT_LT(relative_l2(result.x, run.tensor("output.denoised")), 1e-4);
  EXPECT_LT(error_against_spread(result.lambda, run.tensor("output.lambda")), 1e-4);
}

}  // namespace
}  // namespace primal
