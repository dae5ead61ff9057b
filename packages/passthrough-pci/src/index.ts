// SPDX-License-Identifier: MIT
/** @bottomhalf/passthrough-pci: PCI devices: known, assigned to guests, taken back, with their messages. */
export { assignDevice, deassignDevice } from './assign.js'
export { PciCapability, PciCommand, PciExtendedCapability, PciReg } from './configSpace.js'
export { BAR_IO, BAR_MEMORY32, BAR_MEMORY64, PciePort } from './description.js'
export type {
  BarDescription, BridgeDescription, ExpressDescription, MsiDescription, MsixDescription, PciFunctionDescription,
  SriovDescription,
} from './description.js'
export {
  findUpstreamBridge, pciAddDevice, pciConfRead, pciConfWrite, pciDeviceNode, pciDeviceOwner, pciHideDevice,
  pciReadOnly, pciRemoveDevice,
} from './device.js'
export type { PciDeviceInfo } from './device.js'
export { FAULT_THRESHOLD, pciCheckDisableDevice } from './fault.js'
export { pciEnableVirtualFunctions, pciFunctionMsi, pciPlugFunction, pciUnplugFunction } from './hardware.js'
export { setIommu } from './iommu.js'
export {
  PCI_MSI, PCI_MSIX, pciDisableMsi, pciEnableMsi, pciMapMsi, pciMaskMsi, pciMsiIrq, pciUnmapMsi,
} from './msi.js'
export type { PciMessages } from './msi.js'
export { msixtblPtRegister, msixtblPtUnregister } from './msixRegister.js'
export {
  MSIX_DONE, MSIX_NOT_MINE, MSIX_TO_MODEL, msixModelDone, msixTableLockClass, msixTableRead, msixTableWrite,
} from './msixTable.js'
export {
  IommuRequest, isGuestOwner, NUMA_NO_NODE, OWNER_HARDWARE_DOMAIN, OWNER_HYPERVISOR,
  pcidevsLock, pcidevsLockClass, pcidevsLocked,
  pcidevsUnlock, PciDev, pciSbdf,
} from './records.js'
export { pciCleanDpciIrqs, pciReleaseDevices } from './release.js'
export { NO_BRIDGE } from './segment.js'
export { pciReleaseDevicesHandler, setupPci } from './setup.js'
