/** @file
 * Lamina for C, and for every language that calls C. C11; nothing but the standard headers.
 *
 *   lamina_model* model;
 *   lamina_session* session;
 *   if (lamina_model_load("model.lamina", &model) != LAMINA_OK) puts(lamina_last_error());
 *   lamina_session_create(model, NULL, &session);
 *   lamina_session_run(session, &batch, &logits);
 *
 * Every call that can fail returns a status, and leaves its text in lamina_last_error() of the
 * thread. Results are written only where the status is LAMINA_OK. No exception and no signal comes
 * through; handles and pointers must be valid, which is all that is not checked.
 *
 * Threads: calls on different handles may run at once, as may all calls that take a const handle.
 * A handle that is not const belongs to one thread at a time; a session notices and answers
 * LAMINA_ERROR_BUSY. A model may be freed while its sessions live: they keep what they need.
 *
 * Text is UTF-8 and ends with a zero. Pointers that are given out belong to the library.
 *
 * Within one LAMINA_C_API_VERSION functions are added and never changed, and structures grow only
 * at their end, which struct_size tells. */
#ifndef LAMINA_C_H
#define LAMINA_C_H

#include <stddef.h>
#include <stdint.h>

#define LAMINA_C_API_VERSION 1

#if defined(_WIN32)
#define LAMINA_C_API
#else
#define LAMINA_C_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What went wrong ---- */

typedef enum lamina_status {
  LAMINA_OK = 0,
  LAMINA_ERROR_INVALID_ARGUMENT = 1, /**< can never work: a shape, a name, a null pointer */
  LAMINA_ERROR_UNSUPPORTED = 2,      /**< legal, but not with this build or machine */
  LAMINA_ERROR_IO = 3,               /**< a file cannot be opened, read or written */
  LAMINA_ERROR_FORMAT = 4,           /**< a file's bytes break the rules of its format */
  LAMINA_ERROR_STATE_DICT = 5,       /**< weights do not fit the model */
  LAMINA_ERROR_WEIGHTS_NOT_FOUND = 6,
  LAMINA_ERROR_DOWNLOAD = 7,
  LAMINA_ERROR_DEVICE = 8, /**< not there, or out of its memory */
  LAMINA_ERROR_OUT_OF_MEMORY = 9,
  LAMINA_ERROR_BUSY = 10,    /**< another thread is using the session */
  LAMINA_ERROR_INTERNAL = 11 /**< a bug in the library */
} lamina_status;

/** "LAMINA_ERROR_FORMAT", for messages. */
LAMINA_C_API const char* lamina_status_name(lamina_status status);
/** One line about the last call of this thread that failed; "" before any has. Valid until the
 * thread's next call that fails. */
LAMINA_C_API const char* lamina_last_error(void);
/** A next step for the person who reads it, or "". */
LAMINA_C_API const char* lamina_last_hint(void);

/** The library's version, "0.1.0", and the LAMINA_C_API_VERSION that it has. */
LAMINA_C_API const char* lamina_version(void);
LAMINA_C_API int lamina_c_api_version(void);

typedef enum lamina_log_level {
  LAMINA_LOG_DEBUG = 0,
  LAMINA_LOG_INFO = 1,
  LAMINA_LOG_WARNING = 2
} lamina_log_level;

/** What the library has to say beside its results; NULL silences, which is how it begins. The
 * callback may come from any thread, one call at a time, and must not call the library. */
LAMINA_C_API void lamina_set_log(void (*callback)(lamina_log_level level, const char* text,
                                                  void* user),
                                 void* user);

/* ---- Numbers in memory ---- */

typedef enum lamina_dtype {
  LAMINA_F32 = 0,
  LAMINA_F64 = 1,
  LAMINA_F16 = 2,
  LAMINA_BF16 = 3,
  LAMINA_I8 = 4,
  LAMINA_U8 = 5,
  LAMINA_I16 = 6,
  LAMINA_I32 = 7,
  LAMINA_I64 = 8,
  LAMINA_BOOL = 9
} lamina_dtype;

#define LAMINA_MAX_RANK 8

/** An array of somebody's: element (i, j, …) is at data + i * strides[0] + j * strides[1] + …, in
 * elements; strides are 0 or more. */
typedef struct lamina_tensor {
  const void* data; /**< aligned for its elements */
  int32_t dtype;    /**< a lamina_dtype */
  int32_t rank;
  int64_t shape[LAMINA_MAX_RANK];
  int64_t strides[LAMINA_MAX_RANK];
} lamina_tensor;

/** A tensor whose elements lie in order without gaps. */
LAMINA_C_API lamina_status lamina_tensor_contiguous(const void* data, lamina_dtype dtype,
                                                    int32_t rank, const int64_t* shape,
                                                    lamina_tensor* tensor);

/* ---- Models ---- */

typedef struct lamina_model lamina_model;

/** A whole model from a .lamina container; its weights stay in the mapped file. */
LAMINA_C_API lamina_status lamina_model_load(const char* path, lamina_model** model);
/** "vgg11" … "vgg19_bn", with weights: NULL or "" for none, "random:SEED", "IMAGENET1K_V1"
 * (downloaded unless it is there or LAMINA_OFFLINE=1), or a file of any kind that lamina-convert
 * reads. num_classes: 0 for 1000. */
LAMINA_C_API lamina_status lamina_model_make(const char* name, const char* weights,
                                             int64_t num_classes, lamina_model** model);
/** Replaces all weights by a file's, which must fit exactly; the model is as before where they do
 * not. Sessions made before keep theirs. */
LAMINA_C_API lamina_status lamina_model_load_weights(lamina_model* model, const char* path);
/** Structure and weights as a container; the file is there whole, or as it was. */
LAMINA_C_API lamina_status lamina_model_save(const lamina_model* model, const char* path);
/** NULL is fine. */
LAMINA_C_API void lamina_model_free(lamina_model* model);

/** PyTorch's text of the modules. Writes at most `capacity` bytes, the zero included, and to
 * *length how many bytes the text has without it; buffer may be NULL where capacity is 0. */
LAMINA_C_API lamina_status lamina_model_text(const lamina_model* model, char* buffer,
                                             size_t capacity, size_t* length);
/** The name of class `index`, or NULL. Valid as long as the model. */
LAMINA_C_API const char* lamina_model_label(const lamina_model* model, int64_t index);
/** The [channels, height, width] that preprocessing gives.
 * LAMINA_ERROR_UNSUPPORTED where it leaves pictures as large as they are. */
LAMINA_C_API lamina_status lamina_model_input_shape(const lamina_model* model, int64_t shape[3]);

/** The weights in their order: names such as "features.0.weight", and views of what the model
 * holds. Valid until weights are loaded, or the model is freed. The name is NULL beyond the last.
 */
LAMINA_C_API int64_t lamina_model_tensor_count(const lamina_model* model);
LAMINA_C_API const char* lamina_model_tensor_name(const lamina_model* model, int64_t index);
LAMINA_C_API lamina_status lamina_model_tensor(const lamina_model* model, const char* name,
                                               lamina_tensor* tensor);

/* ---- Pictures ---- */

/** From a JPEG, PNG, BMP or GIF to what the model was trained to see, float32 [3, h, w]: decoded,
 * resized, cropped and normalised as Pillow and torchvision do. `out` has place for `capacity`
 * floats, as many as lamina_model_input_shape() says. */
LAMINA_C_API lamina_status lamina_preprocess_file(const lamina_model* model, const char* path,
                                                  float* out, size_t capacity);
/** The same from a file's bytes in memory; `name` is what messages call it, or NULL. */
LAMINA_C_API lamina_status lamina_preprocess_bytes(const lamina_model* model, const void* bytes,
                                                   size_t size_bytes, const char* name, float* out,
                                                   size_t capacity);
/** The same from pixels: 8-bit RGB, rows `row_bytes` apart. */
LAMINA_C_API lamina_status lamina_preprocess_rgb(const lamina_model* model, const uint8_t* pixels,
                                                 int64_t width, int64_t height, int64_t row_bytes,
                                                 float* out, size_t capacity);

/* ---- Sessions ---- */

typedef struct lamina_session lamina_session;

/** Begin with LAMINA_SESSION_OPTIONS_INIT. Null pointers and zeros mean what is said of them. */
typedef struct lamina_session_options {
  size_t struct_size;         /**< sizeof(lamina_session_options) */
  const char* device;         /**< NULL or "auto", "cpu", "cuda", "cuda:N" */
  const char* precision;      /**< NULL or "fp32", "bf16", "int8"; on CUDA "tf32", "fp16" */
  int32_t threads;            /**< 0: as many as the process may use */
  int32_t profile;            /**< not 0: time each step */
  int64_t max_batch;          /**< images a pass; 0: 1. Larger batches are cut. */
  const char* const* outputs; /**< modules whose output is wanted: "features.28" */
  size_t output_count;
} lamina_session_options;

#define LAMINA_SESSION_OPTIONS_INIT \
  { sizeof(lamina_session_options), NULL, NULL, 0, 0, 0, NULL, 0 }

/** options: NULL for all that is said of zeros. */
LAMINA_C_API lamina_status lamina_session_create(const lamina_model* model,
                                                 const lamina_session_options* options,
                                                 lamina_session** session);
/** NULL is fine. */
LAMINA_C_API void lamina_session_free(lamina_session* session);
/** batch: float32 [n, 3, h, w] (or [n, features] for a model that takes those), in any strides; it
 * is read where it lies if it is contiguous. result: float32 [n, classes]; its data belongs to the
 * session, valid until the next run or the session's end. */
LAMINA_C_API lamina_status lamina_session_run(lamina_session* session, const lamina_tensor* batch,
                                              lamina_tensor* result);
/** What a module of options.outputs gave in the last run; valid as long as the result. */
LAMINA_C_API lamina_status lamina_session_output(lamina_session* session, const char* name,
                                                 lamina_tensor* result);
/** Where it runs, "cpu" or "cuda:0"; valid as long as the session. */
LAMINA_C_API const char* lamina_session_device(const lamina_session* session);

typedef struct lamina_class_score {
  int64_t index;
  float probability; /**< of the softmax over all classes */
  float logit;
} lamina_class_score;

/** The k best of one image's logits, the best first; k <= classes. */
LAMINA_C_API lamina_status lamina_top_classes(const float* logits, int64_t classes, int64_t k,
                                              lamina_class_score* scores);

#ifdef __cplusplus
}
#endif

#endif
