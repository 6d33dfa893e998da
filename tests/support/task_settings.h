// Trainings of a few steps for the tasks other than denoising.
#pragma once

namespace primal::testing {

inline constexpr const char* kClassify =
    " --set task.kind=classify --set classifier.size=32 --set classifier.filters=2 --set classifier.hidden=8"
    " --set data.n_train=12 --set data.n_validation=4 --set training.batch=5 --set "
    "training.learning_rate=1e-3";
inline constexpr const char* kDigits =
    " --set task.kind=reconstruct --set autoencoder.layout=mnist --set autoencoder.filters=2"
    " --set autoencoder.latent=8 --set data.n_train=12 --set data.n_validation=4 --set noise.kind=absolute"
    " --set training.batch=5 --set training.learning_rate=1e-3 --set adam.amsgrad=true";
inline constexpr const char* kCastings =
    " --set task.kind=reconstruct --set autoencoder.filters=2 --set data.size=36 --set data.n_train=7"
    " --set data.n_validation=2 --set noise.kind=absolute --set training.batch=3"
    " --set training.learning_rate=1e-3";

}  // namespace primal::testing
