#include "../sys/probe.hh"

#include <Hypervisor/Hypervisor.h>
#include <sys/sysctl.h>

#include <cerrno>

namespace msb {

Probe probe_kvm(const std::string&) { return {"unsupported", ENOSYS, 0}; }

// HV_DENIED speaks of this process: Node's binary may lack the entitlement that QEMU's has. The caller sees EPERM
// and must not read it as "this Mac cannot".
Probe probe_hvf() {
  int supported = 0;
  size_t size = sizeof supported;
  if (::sysctlbyname("kern.hv_support", &supported, &size, nullptr, 0) != 0) return {"unsupported", errno, 0};
  if (supported == 0) return {"unsupported", ENOSYS, 0};
#if defined(__aarch64__)
  const hv_return_t result = hv_vm_create(nullptr);
#else
  const hv_return_t result = hv_vm_create(HV_VM_DEFAULT);
#endif
  switch (static_cast<unsigned>(result)) {
    case static_cast<unsigned>(HV_SUCCESS):
      hv_vm_destroy();
      return {nullptr, 0, 1};
    case static_cast<unsigned>(HV_DENIED):
      return {"hv_vm_create", EPERM, 0};
    case static_cast<unsigned>(HV_BUSY):
      return {"hv_vm_create", EBUSY, 0};
    case static_cast<unsigned>(HV_UNSUPPORTED):
      return {"hv_vm_create", EOPNOTSUPP, 0};
    default:
      return {"hv_vm_create", EIO, 0};
  }
}

}  // namespace msb
