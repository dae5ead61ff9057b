// SPDX-License-Identifier: MIT
/** What an errno means for a control operation, in words for whoever asked. */
import {
  EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ESRCH,
} from '@bottomhalf/base'
import { Operation } from './requests.js'

const general: ReadonlyMap<number, string> = new Map([
  [ESRCH, 'there is no such domain'], [ENOMEM, 'the machine is out of memory'],
  [EAGAIN, 'it was given up before its end: ask again'], [EINVAL, 'an argument is out of range'],
  [EEXIST, 'the number is taken'], [EBUSY, 'it is in use'], [ENOSPC, 'all numbers or vectors are taken'],
  [ENODEV, 'there is no such device'], [EPERM, 'that is not allowed'], [EOPNOTSUPP, 'that is not supported'],
])

const dying = 'the domain is dying'

const special: readonly (readonly [Operation, number, string])[] = [
  [Operation.CreateDomain, EEXIST, 'a domain has this id'],
  [Operation.CreateDomain, EINVAL, 'an argument is out of range, the guest program is unknown, or a CPU is not online'],
  [Operation.PauseDomain, EINVAL, dying],
  [Operation.PauseDomain, EBUSY, 'it is paused as often as it can be'],
  [Operation.UnpauseDomain, EINVAL, `${dying}, or there is no pause to take back`],
  [Operation.ShutdownDomain, EINVAL, `${dying}, or there is no such reason`],
  [Operation.ResumeDomain, EINVAL, `${dying}, or it is not suspended`],
  [Operation.SetAffinity, EINVAL, `${dying}, there is no such vCPU, or none of the CPUs is online`],
  [Operation.SetSchedule, EINVAL, `${dying}, the weight is not 1..65535, or the cap not 0..100 for each vCPU`],
  [Operation.NextDomain, ESRCH, 'there is no further domain'],
  [Operation.VcpuState, EINVAL, 'the domain has no such vCPU'],
  [Operation.MapLine, EEXIST, 'the pIRQ is tied to an interrupt'],
  [Operation.MapLine, EBUSY, 'the pIRQ waits for its guest to unbind it, or the line belongs to another'],
  [Operation.MapLine, EINVAL, `${dying}, the pIRQ is out of range, or there is no such line or sort of line`],
  [Operation.UnmapLine, EINVAL, 'the pIRQ is not tied to an interrupt line'],
  [Operation.MapMessages, EPERM, 'the device is not the domain\'s'],
  [Operation.MapMessages, EEXIST, 'a message or a pIRQ is in use already'],
  [Operation.UnmapMessages, EPERM, 'the device is not the domain\'s'],
  [Operation.UnmapMessages, EINVAL, 'a message is tied to no pIRQ'],
  [Operation.RegisterTable, EINVAL, `${dying}, the pIRQ is out of range, or no table can lie at that address`],
  [Operation.RegisterTable, ENODEV, 'the pIRQ is tied to no MSI-X message of a device of the domain'],
  [Operation.RegisterTable, EBUSY, 'the table is registered at another address'],
  [Operation.UnregisterTable, ENODEV, 'no table is registered for the pIRQ\'s device'],
  [Operation.BindIrq, EINVAL, `${dying}, or the pIRQ, the vector or the line is out of range or tied to nothing`],
  [Operation.BindIrq, EBUSY, 'it is bound as another type, or the interrupt is not free'],
  [Operation.UnbindIrq, EINVAL, 'the pIRQ is not bound so'],
  [Operation.BindMsi, EEXIST, 'the pIRQ is tied to an interrupt'],
  [Operation.BindMsi, EINVAL, `${dying}, there is no such MSI, or the pIRQ or the vector is out of range`],
  [Operation.UnbindMsi, EINVAL, 'the pIRQ is not bound to such an MSI'],
  [Operation.RemoveDevice, EBUSY, 'the host uses its interrupts, or it has virtual functions'],
  [Operation.AssignDevice, EBUSY, 'the device is not the hardware domain\'s, or its interrupts are in use'],
  [Operation.AssignDevice, EINVAL, dying],
  [Operation.AssignDevice, EPERM, 'a bridge is not assigned'],
  [Operation.DeassignDevice, ENODEV, 'there is no such device, or it is not the domain\'s'],
  [Operation.CpuUp, EINVAL, 'there is no such CPU, or it is not parked'],
  [Operation.CpuUp, EBUSY, 'another CPU comes or goes'],
  [Operation.CpuDown, EINVAL, 'there is no such CPU, it is not online, or it is CPU 0, which stays'],
  [Operation.CpuDown, EBUSY, 'another CPU comes or goes'],
  [Operation.CpuState, EINVAL, 'there is no such CPU'],
]

/** `result` is a negative errno. */
export function hintOf(operation: number, result: number): string {
  const own = special.find(([of, errno]) => of === operation && errno === -result)
  return own?.[2] ?? general.get(-result) ?? 'the machine refused it'
}
