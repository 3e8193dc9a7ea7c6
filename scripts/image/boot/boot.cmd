# Chooses the slot and starts its kernel. The same text on every board with U-Boot; the board's file gives the
# words between @ signs. The state is one sector, an environment with a checksum in the partition "bootstate",
# which RAUC changes too (/etc/fw_env.config): the order of the slots, and how many tries each has left. A try
# is spent before the kernel starts; a slot that works gets its tries back from the gateway's health gate.
test -n "${devtype}" || setenv devtype @DEVICE@
test -n "${devnum}" || setenv devnum 0
setenv try_max 3

part start ${devtype} ${devnum} bootstate state_at
setexpr state ${scriptaddr} + 0x100000
if ${devtype} read ${state} ${state_at} 1; then
  env import -c ${state} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
fi
# A state that cannot be read counts as a new gateway's.
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT ${try_max}
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT ${try_max}
setenv keep_state 'env export -c -s 0x200 ${state} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; ${devtype} write ${state} ${state_at} 1'
setenv load_slot 'load ${devtype} ${devnum}:${boot_part} ${kernel_addr_r} vmlinuz && load ${devtype} ${devnum}:${boot_part} ${ramdisk_addr_r} initrd.img'
echo "stadsnod: boot order ${BOOT_ORDER}, tries left A ${BOOT_A_LEFT}, B ${BOOT_B_LEFT}"

setenv slot
for candidate in ${BOOT_ORDER}; do
  if test -z "${slot}"; then
    if test "${candidate}" = "A" && test ${BOOT_A_LEFT} -gt 0; then
      setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
      run keep_state
      setenv boot_part 3
      if run load_slot; then setenv slot A; setenv root root_a; fi
    elif test "${candidate}" = "B" && test ${BOOT_B_LEFT} -gt 0; then
      setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
      run keep_state
      setenv boot_part 5
      if run load_slot; then setenv slot B; setenv root root_b; fi
    fi
  fi
done

if test -z "${slot}"; then
  echo "stadsnod: no slot has a try left; all get them back"
  setenv BOOT_A_LEFT ${try_max}
  setenv BOOT_B_LEFT ${try_max}
  run keep_state
  sleep 1
  reset
fi
echo "stadsnod: starting slot ${slot}"
setenv bootargs "@CONSOLES@ stadsnod.slot=${slot} stadsnod.root=${root} rauc.slot=${slot} panic=5 @ARGUMENTS@"
booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
# Only reached when the kernel did not start: the try is spent.
reset
