// SPDX-License-Identifier: MIT
/**
 * Control operations on the machine: devices come, go and change hands, CPUs come and go.
 *
 * @xen xen/drivers/pci/physdev.c, xen/drivers/passthrough/pci.c (iommu_do_pci_domctl), xen/common/sysctl.c
 * Contexts  as control.ts says: the boot CPU's idle vCPU, IF = 1, no lock held.
 */
import { EINVAL, type Errno } from '@bottomhalf/base'
import { cpuDown, cpuState, cpuUp } from '@bottomhalf/cpu'
import { cpuCount, handler, ld, st } from '@bottomhalf/machine'
import { assignDevice, deassignDevice, pciAddDevice, pciRemoveDevice, type PciDeviceInfo } from '@bottomhalf/passthrough-pci'
import { registerOperation } from './control.js'
import { sbdfAt, withDomain } from './decode.js'
import { ADD_EXTFN, ADD_NODE, ADD_VIRTFN, Operation } from './requests.js'

function addDevice(args: number): Errno {
  const flags = ld(args + 1)
  if ((flags & ~(ADD_EXTFN | ADD_VIRTFN | ADD_NODE)) !== 0) return -EINVAL
  return pciAddDevice(sbdfAt(args), deviceInfo(flags, ld(args + 2), ld(args + 3)))
}

function deviceInfo(flags: number, physfn: number, numaNode: number): PciDeviceInfo {
  return {
    isExtfn: (flags & ADD_EXTFN) !== 0,
    ...(flags & ADD_VIRTFN) !== 0 ? { isVirtfn: true, physfn } : {},
    ...(flags & ADD_NODE) !== 0 ? { numaNode } : {},
  }
}

function removeDevice(args: number): Errno {
  return pciRemoveDevice(sbdfAt(args))
}

function assign(args: number): Errno {
  return withDomain(args, (d) => assignDevice(d, sbdfAt(args + 1)))
}

function deassign(args: number): Errno {
  return withDomain(args, (d) => deassignDevice(d, sbdfAt(args + 1)))
}

function bringUp(args: number): Errno {
  return cpuUp(ld(args))
}

function takeDown(args: number): Errno {
  return cpuDown(ld(args))
}

function stateOfCpu(args: number): Errno {
  const cpu = ld(args)
  if (cpu < 0 || cpu >= cpuCount()) return -EINVAL
  st(args, cpuState(cpu))
  return 0
}

const addDeviceHandler = handler('controlAddDevice', addDevice)
const removeDeviceHandler = handler('controlRemoveDevice', removeDevice)
const assignHandler = handler('controlAssignDevice', assign)
const deassignHandler = handler('controlDeassignDevice', deassign)
const bringUpHandler = handler('controlCpuUp', bringUp)
const takeDownHandler = handler('controlCpuDown', takeDown)
const stateOfCpuHandler = handler('controlCpuState', stateOfCpu)

/** Boot: after `setupControl`. */
export function setupMachineOperations(): void {
  registerOperation(Operation.AddDevice, addDeviceHandler)
  registerOperation(Operation.RemoveDevice, removeDeviceHandler)
  registerOperation(Operation.AssignDevice, assignHandler)
  registerOperation(Operation.DeassignDevice, deassignHandler)
  registerOperation(Operation.CpuUp, bringUpHandler)
  registerOperation(Operation.CpuDown, takeDownHandler)
  registerOperation(Operation.CpuState, stateOfCpuHandler)
}
