#include "base/background_thread.h"

#if defined(__APPLE__)
#include <pthread/qos.h>
#elif defined(__linux__)
#include <sys/resource.h>
#endif

namespace kvasir {

void become_background_thread() {
#if defined(__APPLE__)
    (void)pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
#elif defined(__linux__)
    (void)setpriority(PRIO_PROCESS, 0, kBackgroundNice);  // of the calling thread alone, on Linux
#endif
}

}  // namespace kvasir
