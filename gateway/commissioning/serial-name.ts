/** Names that udev gives to serial ports: stable ones, and those of the drivers. No consoles, no pseudo terminals. */
const byLink = /^\/dev\/serial\/by-(?:id|path)\/(?!\.{1,2}$)[^/\0]{1,200}$/;
const byDriver = /^\/dev\/tty(?:S|USB|ACM|AMA|O|SC|XR|XRUSB|mxc|UL|PS|THS|GS|MAX|LP|RPMSG|STM)\d{1,3}$/;
/** Links of Raspberry Pi OS and of our own udev rules. */
const byRule = /^\/dev\/(?:serial[0-9]|rs485[\w-]{0,32}|stadsnod\/[\w-]{1,64})$/;

/** Whether a path can only be a serial port: for paths that come from other people. Pure. */
export function isSerialName(path: string): boolean {
  return byLink.test(path) || byDriver.test(path) || byRule.test(path);
}
