// lamina-lpips: how different pictures look, by LPIPS (vgg, 0.1). docs/lpips.md
#include "tools/lamina_lpips/measure.h"
#include "tools/lamina_lpips/options.h"
#include "tools/support/run_main.h"

int main(int argc, char** argv) {
  using namespace lamina::tools;
  LpipsToolOptions options;
  return run_main(lpips_command(options), argc, argv, [&](Context& context) {
    check_options(options);
    return measure(options, context);
  });
}
