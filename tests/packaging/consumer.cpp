// What a user's first program looks like to the compiler and the linker.
#include <lamina/core/state_dict.h>
#include <lamina/core/version.h>

#include <iostream>

int main() {
  lamina::StateDict dict;
  dict.insert("weight", lamina::Tensor::zeros({2, 3}));
  std::cout << "lamina " << lamina::version() << ": " << dict.nbytes() << " bytes\n";
  return dict.at("weight").numel() == 6 ? 0 : 1;
}
