// How libjpeg's errors leave it: by a jump, with their text kept.
#pragma once

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

namespace lamina::vision::detail {

struct JpegErrors {
  jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

/// For base.error_exit.
[[noreturn]] inline void escape_with_message(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

}  // namespace lamina::vision::detail
