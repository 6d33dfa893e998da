// Models in files: what is saved comes back, and what is no model is refused with the place and the reason.
#include "model/model_file.h"

#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "model/model_options.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

// No setting has its default, so that one which got lost would be seen.
ModelSettings small_settings() {
  return {.filters = 2,
          .blocks = 1,
          .iterations = 6,
          .up_bound = 0.4,
          .scale = 0.3,
          .start = "zero",
          .learn_steps = false};
}

class ModelFile : public ::testing::Test {
 protected:
  ModelFile() : model_(model_options(small_settings()), init_) {}

  std::filesystem::path path(const char* name) const { return folder_ / name; }

  // What load_model says of the saved model with other tensors or metadata.
  std::string refusal(const std::function<void(TensorMap&, Metadata&)>& change) {
    save_model(path("model.safetensors"), model_);
    const Safetensors file = Safetensors::read(path("model.safetensors"));
    TensorMap tensors = file.tensors();
    Metadata metadata = file.metadata();
    change(tensors, metadata);
    write_safetensors(path("changed.safetensors"), tensors, metadata);
    try {
      load_model(path("changed.safetensors"));
    } catch (const DataError& error) {
      return error.what();
    }
    return "it was loaded";
  }

  testing::TemporaryFolder folder_;
  Initialiser init_{3};
  UnrolledTv model_;
};

void set_config(Metadata& metadata, const char* key, const nlohmann::json& value) {
  nlohmann::json config = nlohmann::json::parse(metadata.at("config"));
  config[key] = value;
  metadata["config"] = config.dump();
}

TEST_F(ModelFile, ComesBackWithEverySettingAndWeight) {
  save_model(path("model.safetensors"), model_);
  const auto loaded = load_model(path("model.safetensors"));
  EXPECT_EQ(model_settings(loaded->options()), small_settings());
  const TensorMap before = model_.state(), after = loaded->state();
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, tensor] : before)
    EXPECT_EQ(tensor.to_doubles(), after.at(name).to_doubles()) << name;
}

TEST_F(ModelFile, TakesTheSizeOfBareWeightsFromTheTensorsAndTheRestFromTheCaller) {
  write_safetensors(path("bare.safetensors"), to_reference_layout(model_.state()));
  const auto loaded = load_model(path("bare.safetensors"), {.iterations = 9, .start = "zero"});
  EXPECT_EQ(
      model_settings(loaded->options()),
      (ModelSettings{.filters = 2, .blocks = 1, .iterations = 9, .start = "zero", .learn_steps = false}));
}

TEST_F(ModelFile, OlderFilesGetTheDefaultOfASettingTheyDoNotHave) {
  save_model(path("model.safetensors"), model_);
  const Safetensors file = Safetensors::read(path("model.safetensors"));
  Metadata metadata = file.metadata();
  nlohmann::json config = nlohmann::json::parse(metadata.at("config"));
  config.erase("model.start");
  metadata["config"] = config.dump();
  write_safetensors(path("older.safetensors"), file.tensors(), metadata);
  EXPECT_EQ(load_model(path("older.safetensors"))->options().start, PdhgStart::noisy);
}

TEST_F(ModelFile, RefusesWhatItDoesNotKnowOrCannotBe) {
  const auto expect_refused = [&](const char* reason,
                                  const std::function<void(TensorMap&, Metadata&)>& change) {
    const std::string said = refusal(change);
    EXPECT_NE(said.find(reason), std::string::npos) << said;
    EXPECT_NE(said.find("changed.safetensors"), std::string::npos) << said;
  };
  expect_refused("has model.flavour = 1, which this version does not know",
                 [](TensorMap&, Metadata& m) { set_config(m, "model.flavour", 1); });
  expect_refused("model.iterations must be a whole number, 0 to 100000; found -1",
                 [](TensorMap&, Metadata& m) { set_config(m, "model.iterations", -1); });
  expect_refused("says 64 filters, 1 blocks, fixed steps, but its tensors have 2 filters",
                 [](TensorMap&, Metadata& m) { set_config(m, "model.filters", 64); });
  expect_refused("not JSON", [](TensorMap&, Metadata& m) { m["config"] = std::string("{"); });
  expect_refused("not a JSON object", [](TensorMap&, Metadata& m) { m["config"] = std::string("[]"); });
  expect_refused("is damaged", [](TensorMap& t, Metadata&) { t["cnn.c1x1.bias"].data<float>()[0] += 1.0F; });
  expect_refused("cnn.c1x1.bias", [](TensorMap& t, Metadata& m) {
    m.erase("crc32");
    t.erase("cnn.c1x1.bias");
  });
  EXPECT_EQ(refusal([](TensorMap&, Metadata&) {}), "it was loaded");
}

TEST_F(ModelFile, IsNotWrittenForAModelThatSettingsDoNotDescribe) {
  UnrolledTvOptions options = model_options(small_settings());
  options.axes = {4};
  const UnrolledTv other(options, init_);
  EXPECT_THROW(save_model(path("other.safetensors"), other), ConfigError);
  EXPECT_FALSE(std::filesystem::exists(path("other.safetensors")));
}

}  // namespace
}  // namespace primal
