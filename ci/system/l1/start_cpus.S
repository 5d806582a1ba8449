/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest kernel that starts all other processors and waits for 63 of them: it writes their number to port 0x80, then
 * asks for a reset. Linked at 1 MiB, entered in protected mode without paging.
 */
	.set X2APIC_ICR, 0x830		/* Intel SDM 3A, 11.12 */
	.set INIT_OTHERS, 0x000c4500
	.set SIPI_OTHERS, 0x000c4690	/* start at page 0x90 */
	.set AP_CODE, 0x90000
	.set AP_COUNT, 0x90100

	.code32
	mov	$ap_begin, %esi
	mov	$AP_CODE, %edi
	mov	$ap_end - ap_begin, %ecx
	rep movsb
	mov	$X2APIC_ICR, %ecx
	xor	%edx, %edx
	mov	$INIT_OTHERS, %eax
	wrmsr
	mov	$SIPI_OTHERS, %eax
	wrmsr
1:	pause
	mov	AP_COUNT, %ax
	cmp	$63, %ax
	jb	1b
	out	%al, $0x80
	mov	$0x600, %dx
	mov	$1, %al
	out	%al, %dx
2:	hlt
	jmp	2b

	.code16
ap_begin:
	lock incw %cs:AP_COUNT - AP_CODE
3:	cli
	hlt
	jmp	3b
ap_end:
