// Loaded before user-mode-linux. It keeps what a process of the machine inside has in its vector registers in a
// buffer of 2,696 bytes, and gives it back with PTRACE_SETREGSET. Linux takes it only at its whole length, which on
// a processor with AMX is 11,008 bytes: "ptrace set fp regs failed, errno = 14". Here the rest is filled up with what
// the process has: nobody inside uses tiles, the machine does not let them be turned on.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long set_whole(long pid, void *kind, const struct iovec *part)
{
	static char bytes[1 << 16] __attribute__((aligned(64)));
	struct iovec whole = { bytes, sizeof bytes };

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, kind, &whole) < 0)
		return -1;
	if (part->iov_len > whole.iov_len) {
		errno = EFAULT;
		return -1;
	}
	memcpy(bytes, part->iov_base, part->iov_len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, kind, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list parameters;
	va_start(parameters, request);
	long pid = va_arg(parameters, pid_t);
	void *address = va_arg(parameters, void *);
	void *data = va_arg(parameters, void *);
	va_end(parameters);

	// The system call stores what it peeks, the function returns it.
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		long peeked;
		if (syscall(SYS_ptrace, request, pid, address, &peeked) < 0)
			return -1;
		errno = 0;
		return peeked;
	}
	long result = syscall(SYS_ptrace, request, pid, address, data);
	if (result < 0 && errno == EFAULT && request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE)
		return set_whole(pid, address, data);
	return result;
}
