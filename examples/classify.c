/* A photograph's best five classes, from C.
 *
 *   classify MODEL.lamina PHOTO */
#include <lamina/c.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void check(lamina_status status) {
  if (status == LAMINA_OK) return;
  fprintf(stderr, "classify: error: %s\n", lamina_last_error());
  if (*lamina_last_hint() != '\0') fprintf(stderr, "  hint: %s\n", lamina_last_hint());
  exit(1);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: classify MODEL.lamina PHOTO\n");
    return 2;
  }
  lamina_model* model;
  lamina_session* session;
  check(lamina_model_load(argv[1], &model));
  check(lamina_session_create(model, NULL, &session));

  int64_t shape[4] = {1};
  check(lamina_model_input_shape(model, shape + 1));
  const size_t count = (size_t)(shape[1] * shape[2] * shape[3]);
  float* pixels = malloc(count * sizeof *pixels);
  if (pixels == NULL) return 1;
  check(lamina_preprocess_file(model, argv[2], pixels, count));

  lamina_tensor batch, logits;
  check(lamina_tensor_contiguous(pixels, LAMINA_F32, 4, shape, &batch));
  check(lamina_session_run(session, &batch, &logits));
  lamina_class_score best[5];
  const int64_t classes = logits.shape[1], k = classes < 5 ? classes : 5;
  check(lamina_top_classes(logits.data, classes, k, best));
  for (int64_t i = 0; i < k; ++i) {
    const char* label = lamina_model_label(model, best[i].index);
    printf("%" PRId64 "\t%.4f\t%s\n", best[i].index, best[i].probability, label ? label : "");
  }

  free(pixels);
  lamina_session_free(session);
  lamina_model_free(model);
  return 0;
}
