// What a user's first program looks like to the compiler and the linker.
#include <lamina/lamina.h>

#include <iostream>

int main() {
  const lamina::Model model = lamina::models::vgg11({.num_classes = 2, .init_weights = false});
  std::cout << "lamina " << lamina::version() << ": " << model.state_dict().size() << " tensors\n";
  return model.state_dict().size() == 22 ? 0 : 1;
}
