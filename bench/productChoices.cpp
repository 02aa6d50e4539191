// Compares oneDNN's first choice for the products of these models with its "gemm". Each call has other operands, 200 MB
// in all, so they come from memory as in a training step. Medians, in GFLOP/s.
//   g++ -O2 -fopenmp bench/productChoices.cpp -o productChoices -ldnnl && ./productChoices f32 && ./productChoices bf16
#include <dnnl.hpp>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using dnnl::memory;

struct Shape {
  const char* name;
  long rows, inner, columns;
  bool leftTransposed, rightTransposed, accumulates;
};

static const Shape kShapes[] = {
    {"tiny forward 128 to 128", 4096, 128, 128, false, true, false},
    {"tiny forward 128 to 256", 4096, 128, 256, false, true, false},
    {"tiny forward 256 to 128", 4096, 256, 128, false, true, false},
    {"tiny input gradient 128", 4096, 128, 128, false, false, false},
    {"tiny input gradient 256 to 128", 4096, 256, 128, false, false, false},
    {"tiny weight gradient 128 x 128", 128, 4096, 128, true, false, false},
    {"tiny weight gradient 128 x 256", 128, 4096, 256, true, false, false},
    {"tiny weight gradient 256 x 128", 256, 4096, 128, true, false, false},
    {"tiny logits", 256, 128, 9800, false, true, false},
    {"tiny hidden gradient", 256, 9800, 128, false, false, false},
    {"tiny embedding gradient", 9800, 256, 128, true, false, true},
    {"iwslt forward", 2000, 512, 1024, false, true, false},
    {"iwslt input gradient", 2000, 1024, 512, false, false, false},
    {"iwslt weight gradient", 1024, 2000, 512, true, false, false},
    {"iwslt logits", 256, 512, 10000, false, true, false},
    {"iwslt hidden gradient", 256, 10000, 512, false, false, false},
    {"iwslt embedding gradient", 10000, 256, 512, true, false, true},
};

static void* zeros(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* data = std::aligned_alloc(kHugePage, bytes);
  madvise(data, bytes, MADV_HUGEPAGE);
  std::memset(data, 0, bytes);
  return data;
}

int main(int argc, char** argv) {
  const auto type = argc > 1 && std::strcmp(argv[1], "bf16") == 0 ? memory::data_type::bf16 : memory::data_type::f32;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  for (const Shape& shape : kShapes) {
    const auto strides = [](long width, long height, bool transposed) {
      return transposed ? memory::dims{1, height} : memory::dims{width, 1};
    };
    const memory::desc a({shape.rows, shape.inner}, type, strides(shape.inner, shape.rows, shape.leftTransposed));
    const memory::desc b({shape.inner, shape.columns}, type,
                         strides(shape.columns, shape.inner, shape.rightTransposed));
    const memory::desc out({shape.rows, shape.columns}, memory::data_type::f32, memory::dims{shape.columns, 1});
    dnnl::primitive_attr attributes;
    if (shape.accumulates) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    std::printf("%-32s", shape.name);
    for (const bool wantsGemm : {false, true}) {
      const dnnl::matmul::desc description(a, b, out);  // next_impl reads it
      dnnl::matmul::primitive_desc choice(description, attributes, engine);
      bool found = true;
      while (wantsGemm && found && std::strcmp(choice.impl_info_str(), "gemm:jit") != 0) found = choice.next_impl();
      if (!found) continue;
      const dnnl::matmul product(choice);
      const size_t sets = std::max<size_t>(2, 200000000 / (a.get_size() + b.get_size() + out.get_size()));
      std::vector<void*> data;
      for (size_t i = 0; i < sets; i++) {
        for (const memory::desc* each : {&a, &b, &out}) data.push_back(zeros(each->get_size()));
      }
      std::vector<double> seconds;
      for (size_t i = 0; i < 3 * sets; i++) {
        void** set = &data[i % sets * 3];
        const memory left(a, engine, set[0]), right(b, engine, set[1]), result(out, engine, set[2]);
        const auto started = std::chrono::steady_clock::now();
        product.execute(stream, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, result}});
        stream.wait();
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
      }
      std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
      std::printf("  %s %.0f", choice.impl_info_str(),
                  2e-9 * shape.rows * shape.inner * shape.columns / seconds[seconds.size() / 2]);
      for (void* each : data) std::free(each);
    }
    std::printf("\n");
  }
}
