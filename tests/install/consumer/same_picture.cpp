// same_picture A B: whether two files hold the same pixels.
#include <cstdio>
#include <primal/data/image/image.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const bool same = primal::read_image(argv[1]) == primal::read_image(argv[2]);
  std::printf("%s and %s: %s\n", argv[1], argv[2], same ? "the same pixels" : "different pixels");
  return same ? 0 : 1;
}
