#pragma once

namespace msb {

// The rate of this processor's time-stamp counter in kHz, measured against the monotonic clock for 20 ms; 0 where there is no
// such counter. Good to about ten parts in a million.
double measure_tsc_khz();

}  // namespace msb
