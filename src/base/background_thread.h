// A thread that works where nobody waits for it gives way to those that somebody waits for. Called by the
// thread itself.
#pragma once

namespace kvasir {

inline constexpr int kBackgroundNice = 10;  // a tenth of a core that others use whole

// Best effort: where it is refused, the thread goes on as it was.
void become_background_thread();

}  // namespace kvasir
