#include "../sys/probe.hh"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "../util/sys_error.hh"
#include "../util/unique_fd.hh"

namespace msb {

// A device node that is there says nothing: it can be masked, forbidden, or some other thing. Only a VM that could
// be made is a proof.
Probe probe_kvm(const std::string& path) {
  UniqueFd kvm(retry([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC); }));
  if (!kvm) return {"open", errno, 0};
  const int version = ::ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version < 0) return {"KVM_GET_API_VERSION", errno, 0};
  UniqueFd vm(retry([&] { return ::ioctl(kvm.get(), KVM_CREATE_VM, 0); }));
  if (!vm) return {"KVM_CREATE_VM", errno, version};
  return {nullptr, 0, version};
}

Probe probe_hvf() { return {"unsupported", ENOSYS, 0}; }

}  // namespace msb
