#include "pause/pause_image.h"

// The assembler copies the file in.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".global coxswainPauseImageBegin\n"
    "coxswainPauseImageBegin: .incbin \"" PAUSE_IMAGE
    "\"\n"
    ".global coxswainPauseImageEnd\n"
    "coxswainPauseImageEnd: .byte 0\n"
    ".popsection\n");

extern "C" {
extern const char coxswainPauseImageBegin[];
extern const char coxswainPauseImageEnd[];
}

namespace coxswain {

std::string_view pauseImageTar() {
  return {coxswainPauseImageBegin,
          static_cast<size_t>(coxswainPauseImageEnd - coxswainPauseImageBegin)};
}

}  // namespace coxswain
