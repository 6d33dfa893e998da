// What ops say they cost, against counts by hand and the layer table of the thesis network.
#include <gtest/gtest.h>
#include <set>

#include "apps/ops/register_ops.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"
#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

const OpInfo& op(const char* name) { return *registered_ops().find(name); }

Shape output_of_conv(const OpCase& stage) {  // every convolution of the network keeps the extents
  return stage.inputs[0].shape.with(1, stage.inputs[1].shape[0]);
}

PhaseCosts cost_of(const char* name, std::map<std::string, Shape> inputs, const Shape& y,
                   const Attributes& attrs = {}) {
  return op(name).cost(OpShapes{std::move(inputs), {{"y", y}}, attrs});
}

TEST(Cost, EveryOpThatComputesSaysWhatItCosts) {
  // Chains of ops, which are counted op by op, and the reader of pictures.
  const std::set<std::string> without = {"preprocess",
                                         "thesis_model",
                                         "thesis_training",
                                         "kofler_dynamic",
                                         "casting_classifier",
                                         "casting_classifier_training",
                                         "casting_autoencoder",
                                         "casting_autoencoder_training",
                                         "mnist_autoencoder",
                                         "mnist_autoencoder_training",
                                         "lpips"};
  for (const OpInfo& info : registered_ops().ops()) {
    EXPECT_EQ(info.cost == nullptr, without.count(info.name) > 0) << info.name;
    if (info.cost == nullptr) continue;
    const OpCase& op_case = info.stages.empty() ? info.corner_cases.front() : info.stages.front();
    EXPECT_EQ(info.stages.empty(), info.name == "grid_search") << info.name;
    OpShapes shapes;
    for (const OpInput& input : op_case.inputs) shapes.inputs[input.name] = input.shape;
    for (const std::string& result : info.results) shapes.outputs[result] = op_case.inputs.front().shape;
    shapes.attrs = op_case.attrs;
    const PhaseCosts costs = info.cost(shapes);
    EXPECT_TRUE(costs.count("forward") > 0) << info.name;
    EXPECT_EQ(costs.size() > 1, info.differentiable) << info.name;
    const bool shares =
        info.name == "reshape" || info.name == "flatten";  // the elements of x: nothing is moved
    for (const auto& [phase, cost] : costs)
      EXPECT_EQ(cost.bytes > 0.0, !shares || phase != "forward") << info.name << " " << phase;
  }
}

TEST(Cost, ConvolutionByHand) {
  // 2 pictures of 3 channels, 5 x 4 pixels, to 7 channels through 3 x 3: 2 * 7 * 20 outputs of 27
  // multiply-adds.
  const PhaseCosts costs = conv3d_cost({2, 3, 1, 5, 4}, {7, 3, 1, 3, 3}, {2, 7, 1, 5, 4});
  for (const auto& [phase, cost] : costs) EXPECT_EQ(cost.flops, 2.0 * 280 * 27) << phase;
  EXPECT_EQ(costs.at("forward").bytes, 4.0 * (120 + 189 + 7 + 280));
  EXPECT_EQ(costs.at("backward_data").bytes, 4.0 * (280 + 189 + 120));
  EXPECT_EQ(costs.at("backward_weights").bytes, 4.0 * (120 + 280 + 189 + 7));
}

TEST(Cost, TheNetworkTakes55GflopAStepAnd545MegabytesAtTheLeast) {
  Cost forward, data, weights;
  std::map<std::string, double> mflop;
  for (const OpCase& stage : op("conv3d").stages) {
    if (stage.name.starts_with('v')) continue;  // of the network for sequences
    const PhaseCosts costs = conv3d_cost(stage.inputs[0].shape, stage.inputs[1].shape, output_of_conv(stage));
    mflop[stage.name] = 1e-6 * costs.at("forward").flops;
    forward += costs.at("forward");
    weights += costs.at("backward_weights");
    if (stage.inputs[0].differentiable) data += costs.at("backward_data");
  }
  EXPECT_NEAR(mflop.at("e0a"), 37.7, 0.1);
  EXPECT_NEAR(mflop.at("e0b"), 1208.0, 0.1);
  EXPECT_NEAR(mflop.at("e3a"), 604.0, 0.1);
  EXPECT_NEAR(mflop.at("d1a"), 2416.0, 0.2);
  EXPECT_NEAR(mflop.at("u0"), 67.1, 0.1);  // before the upsampling: a quarter
  EXPECT_NEAR(mflop.at("out"), 8.4, 0.1);
  EXPECT_NEAR(1e-9 * forward.flops, 17.763, 1e-3);
  EXPECT_NEAR(1e-9 * data.flops, 17.726, 1e-3);
  EXPECT_NEAR(1e-9 * (forward.flops + data.flops + weights.flops), 53.25, 5e-3);
  EXPECT_NEAR(1e-6 * (forward.bytes + data.bytes + weights.bytes), 446.0, 1.0);
}

TEST(Cost, PdhgTakes23APixelAndIterationEachWay) {
  const PdhgParams params{.n_iter = 256, .axes = {3, 4}};
  const Shape x{1, 1, 1, 256, 256};
  const PhaseCosts fixed = pdhg_cost(x, x, params, false), learnt = pdhg_cost(x, x, params, true);
  EXPECT_EQ(fixed.at("forward").flops, 23.0 * 65536 * 256);
  EXPECT_EQ(fixed.at("backward").flops, 23.0 * 65536 * 256);
  EXPECT_EQ(learnt.at("backward").flops, 43.0 * 65536 * 256);
  EXPECT_EQ(fixed.at("forward").bytes, 4.0 * 3 * 65536);  // z, lambda, x
  const double codes = 256.0 * 65536 * 2 * 2 / 8;         // 2 bits per component and iteration
  EXPECT_NEAR(fixed.at("backward").bytes, codes + 4.0 * 2 * 65536, 8.0);
  EXPECT_NEAR(learnt.at("backward").bytes, codes + 4.0 * 256 * 65536 + 4.0 * 2 * 65536, 8.0);
}

TEST(Cost, SmallOpsByHand) {
  const Shape x{1, 2, 1, 4, 6}, half{1, 2, 1, 2, 3};
  const PhaseCosts pool = cost_of("max_pool3d", {{"x", x}}, half, {{"kernel", {1, 2, 2}}});
  EXPECT_EQ(pool.at("forward").flops, 3.0 * 12);               // three comparisons for four cells
  EXPECT_EQ(pool.at("backward").bytes, 4.0 * (12 + 12 + 48));  // grad_y, argmax, grad_x
  const PhaseCosts up = cost_of("upsample3d", {{"x", half}}, x,
                                {{"scale", {1, 2, 2}}, {"mode", "trilinear"}, {"align_corners", true}});
  EXPECT_EQ(up.at("forward").flops, 3.0 * (24 + 48));  // rows first: 2 x 2 x 6 values, then 2 x 4 x 6
  EXPECT_EQ(cost_of("gradient", {{"x", {1, 1, 1, 3, 5}}}, {1, 2, 1, 3, 5}).at("forward").flops, 30.0);
  EXPECT_EQ(cost_of("gradient", {{"x", {1, 1, 1, 3, 5}}}, {1, 2, 1, 3, 5}).at("backward").flops, 45.0);
  EXPECT_EQ(cost_of("gradient_adjoint", {{"q", {1, 2, 1, 3, 5}}}, {1, 1, 1, 3, 5}).at("forward").flops, 45.0);
  EXPECT_EQ(cost_of("linear", {{"x", {4, 3}}, {"weight", {5, 3}}}, {4, 5}).at("forward").flops, 2.0 * 4 * 15);
  EXPECT_EQ(cost_of("concat", {}, {2, 3}).at("forward").flops, 0.0);
  EXPECT_EQ(cost_of("concat", {}, {2, 3}).at("forward").bytes, 48.0);
  EXPECT_EQ(op("adam").cost({{{"gradients", {1, 10}}}, {}, {}}).at("forward").bytes, 280.0);
}

TEST(GeometryText, GoesThereAndBack) {
  const Conv3dGeometry g{{2, 32, 1, 256, 128}, {64, 32, 1, 3, 3}, {{1, 2, 1}, {0, 1, 1}}};
  EXPECT_EQ(key(g), "n2 c32 o64 d1 h256 w128 k1,3,3 s1,2,1 p0,1,1");
  const Conv3dGeometry back = conv3d_geometry(key(g));
  EXPECT_EQ(back.x, g.x);
  EXPECT_EQ(back.weight, g.weight);
  EXPECT_EQ(back.params.stride, g.params.stride);
  EXPECT_EQ(back.params.padding, g.params.padding);
  const MaxPool3dGeometry m{{2, 32, 1, 256, 128},
                            {.kernel = {1, 3, 2}, .stride = {{1, 2, 2}}, .padding = {0, 1, 0}}};
  EXPECT_EQ(key(m), "n2 c32 d1 h256 w128 k1,3,2 s1,2,2 p0,1,0");
  EXPECT_EQ(key(max_pool3d_geometry(key(m))), key(m));
  const ConvTranspose3dGeometry t{{2, 32, 1, 14, 7}, {32, 16, 1, 3, 3}, {{1, 2, 2}, {0, 1, 1}, {0, 1, 0}}};
  EXPECT_EQ(key(t), "n2 c32 o16 d1 h14 w7 k1,3,3 s1,2,2 p0,1,1 q0,1,0");
  EXPECT_EQ(key(conv_transpose3d_geometry(key(t))), key(t));
  const PdhgGeometry p{{1, 1, 3, 20, 30}, {2, 4, 3}};
  EXPECT_EQ(key(p), "n1 d3 h20 w30 axes2,4,3");
  EXPECT_EQ(key(pdhg_geometry(key(p))), key(p));
}

TEST(GeometryText, RefusesWhatIsNone) {
  for (const char* text :
       {"", "n1", "n1 c2 o3 d1 h4 w4 k1,3 s1,1,1 p0,1,1", "n1 c2 o3 d1 h4 w4 k1,3,3 s0,1,1 p0,1,1",
        "n1 c2 o3 d1 h4 w4 k1,9,3 s1,1,1 p0,1,1", "n1 n1 c2 o3 d1 h4 w4 k1,3,3 s1,1,1 p0,1,1",
        "n-1 c2 o3 d1 h4 w4 k1,3,3 s1,1,1 p0,1,1", "n1 c2 o3 d1 h4 w4 k1,3,3 s1,1,1 p0,1,1 ",
        "c2 n1 o3 d1 h4 w4 k1,3,3 s1,1,1 p0,1,1", "n1 c2 o3 d1 h4 w4 k1,3,3, s1,1,1 p0,1,1",
        "n1 c2 o3 d99999999 h4 w4 k1,3,3 s1,1,1 p0,1,1", "h w 3", "  "}) {
    EXPECT_THROW(conv3d_geometry(text), DataError) << text;
    EXPECT_THROW(pdhg_geometry(text), DataError) << text;
    EXPECT_THROW(max_pool3d_geometry(text), DataError) << text;
    EXPECT_THROW(conv_transpose3d_geometry(text), DataError) << text;
  }
  for (const char* text :
       {"n1 c2 o3 d1 h4 w4 k1,3,3 s1,2,2 p0,1,1 q0,2,1", "n1 c2 o3 d1 h1 w1 k1,1,1 s1,1,1 p0,1,1 q0,0,0",
        "n1 c2 o3 d1 h0 w4 k1,3,3 s1,2,2 p0,1,1 q0,1,1"})
    EXPECT_THROW(conv_transpose3d_geometry(text), DataError) << text;
  for (const char* text : {"n1 c2 d1 h4 w4 k1,5,2 s1,2,2 p0,0,0", "n1 c2 d1 h4 w4 k1,2,2 s0,2,2 p0,0,0",
                           "n1 c2 d1 h4 w4 k1,2,2 s1,2,2 p0,2,0", "n1 c2 h4 d1 w4 k1,2,2 s1,2,2 p0,0,0"})
    EXPECT_THROW(max_pool3d_geometry(text), DataError) << text;
  EXPECT_THROW(pdhg_geometry("n1 d1 h4 w4 axes3,3"), DataError);
  EXPECT_THROW(pdhg_geometry("n1 d1 h4 w4 axes9"), DataError);
}

TEST(OpGeometry, NamesTheImplementationsThatSupportIt) {
  EXPECT_EQ(op("max_pool3d").geometry.supporting("n1 c2 d1 h9 w9 k1,2,2 s1,2,2 p0,0,0", Device::Kind::cpu),
            (std::vector<std::string>{"simd", "reference"}));
  EXPECT_EQ(op("max_pool3d").geometry.supporting("n1 c2 d1 h9 w9 k1,3,3 s1,2,2 p0,1,1", Device::Kind::cpu),
            std::vector<std::string>{"reference"});
  const auto ours = [&](const std::string& geometry) {  // without oneDNN, which not every build has
    std::vector<std::string> names = op("conv3d").geometry.supporting(geometry, Device::Kind::cpu);
    if (names.back() == "onednn") names.pop_back();
    return names;
  };
  EXPECT_EQ(ours("n1 c32 o32 d1 h256 w256 k1,3,3 s1,1,1 p0,1,1"),
            (std::vector<std::string>{"winograd", "blocked", "phased", "reference"}));
  EXPECT_EQ(ours("n1 c32 o32 d1 h7 w7 k1,3,3 s1,1,1 p0,1,1"),
            (std::vector<std::string>{"phased", "reference"}));
  EXPECT_EQ(op("conv_transpose3d")
                .geometry.supporting("n1 c2 o3 d1 h9 w9 k1,3,3 s1,2,2 p0,1,1 q0,1,1", Device::Kind::cpu),
            (std::vector<std::string>{"phased", "reference"}));
  EXPECT_EQ(ours("n1 c2 o3 d4 h9 w9 k3,3,3 s2,2,2 p1,1,1"), std::vector<std::string>{"reference"});
  EXPECT_EQ(op("pdhg").geometry.supporting("n1 d1 h8 w8 axes3,4", Device::Kind::cpu),
            (std::vector<std::string>{"fused", "reference"}));
  EXPECT_EQ(op("conv3d").geometry.supporting("n1 c2 o3 d4 h9 w9 k3,3,3 s2,2,2 p1,1,1", Device::Kind::simt),
            std::vector<std::string>{"direct"});
  const OpCase op_case = op("conv3d").geometry.as_case("n1 c2 o3 d1 h6 w5 k1,3,3 s1,2,2 p0,1,1");
  EXPECT_EQ(op_case.inputs[1].shape, (Shape{3, 2, 1, 3, 3}));
}

}  // namespace
}  // namespace primal
