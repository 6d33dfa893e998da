// oneDNN 2, loaded when an implementation named `onednn` is first asked for: nothing links to it, so a
// program that does not ask pays nothing, and one that runs where the library is not has one implementation
// less.
#pragma once

#include <memory>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include "tensor/vendor/vendor_library.h"

namespace primal {

#define PRIMAL_ONEDNN_FUNCTIONS(X)               \
  X(dnnl_status2str)                             \
  X(dnnl_engine_create)                          \
  X(dnnl_stream_create)                          \
  X(dnnl_stream_wait)                            \
  X(dnnl_stream_destroy)                         \
  X(dnnl_memory_desc_init_by_strides)            \
  X(dnnl_memory_desc_equal)                      \
  X(dnnl_memory_desc_get_size)                   \
  X(dnnl_memory_create)                          \
  X(dnnl_memory_destroy)                         \
  X(dnnl_primitive_attr_create)                  \
  X(dnnl_primitive_attr_set_scratchpad_mode)     \
  X(dnnl_primitive_attr_set_post_ops)            \
  X(dnnl_primitive_attr_destroy)                 \
  X(dnnl_post_ops_create)                        \
  X(dnnl_post_ops_append_sum)                    \
  X(dnnl_post_ops_destroy)                       \
  X(dnnl_convolution_forward_desc_init)          \
  X(dnnl_convolution_backward_data_desc_init)    \
  X(dnnl_convolution_backward_weights_desc_init) \
  X(dnnl_reorder_primitive_desc_create)          \
  X(dnnl_primitive_desc_create)                  \
  X(dnnl_primitive_desc_query_md)                \
  X(dnnl_primitive_desc_destroy)                 \
  X(dnnl_primitive_create)                       \
  X(dnnl_primitive_execute)                      \
  X(dnnl_primitive_destroy)

PRIMAL_VENDOR_API(OneDnnApi, PRIMAL_ONEDNN_FUNCTIONS);

bool has_onednn();           // is the file still where the build found it? Loads nothing
const OneDnnApi& onednn();   // DeviceError where it cannot be loaded
dnnl_engine_t onednn_cpu();  // the engine of the CPU; lives as long as the process

// DeviceError naming the op and the step that failed.
void onednn_check(dnnl_status_t status, const char* op, const char* what);

// Owners of oneDNN's objects.
template <auto kDestroy>
struct OneDnnDestroy {
  template <class Object>
  void operator()(Object* object) const {
    (onednn().*kDestroy)(object);
  }
};
template <class Object, auto kDestroy>
using OneDnnOwner = std::unique_ptr<Object, OneDnnDestroy<kDestroy>>;

using OneDnnStream = OneDnnOwner<dnnl_stream, &OneDnnApi::dnnl_stream_destroy>;
using OneDnnMemory = OneDnnOwner<dnnl_memory, &OneDnnApi::dnnl_memory_destroy>;
using OneDnnAttributes = OneDnnOwner<dnnl_primitive_attr, &OneDnnApi::dnnl_primitive_attr_destroy>;
using OneDnnPostOps = OneDnnOwner<dnnl_post_ops, &OneDnnApi::dnnl_post_ops_destroy>;
using OneDnnPrimitiveDesc = OneDnnOwner<dnnl_primitive_desc, &OneDnnApi::dnnl_primitive_desc_destroy>;
using OneDnnPrimitive = OneDnnOwner<dnnl_primitive, &OneDnnApi::dnnl_primitive_destroy>;

}  // namespace primal
