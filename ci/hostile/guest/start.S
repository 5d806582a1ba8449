/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into the hostile guest: entered by PVH at `start` in protected mode without paging, it maps the low 8 GiB one to
 * one, goes to long mode and calls hostile_main(index of the processor). The other processors come the same way from real
 * mode, by the page at WAKE_AT. Nothing here takes an interrupt or an exception: what would be one ends the machine.
 */
	.set TABLES, 0x200000		/* PML4, PDPT, then 8 page directories of 2 MiB pages */
	.set WAKE_AT, 0x90000
	.set STACK_BYTES, 0x4000

	.section .note.pvh, "a", @note
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	start

	.section .text.start, "ax", @progbits
	.code32
	.globl	start
start:
	mov	$TABLES, %edi
	xor	%eax, %eax
	mov	$0xa000 / 4, %ecx
	rep stosl
	movl	$TABLES + 0x1000 + 3, TABLES
	mov	$TABLES + 0x2003, %eax
	mov	$TABLES + 0x1000, %edi
1:	mov	%eax, (%edi)
	add	$0x1000, %eax
	add	$8, %edi
	cmp	$TABLES + 0xa003, %eax
	jb	1b
	mov	$TABLES + 0x2000, %edi
	mov	$0x83, %eax		/* present, writable, 2 MiB */
	xor	%edx, %edx
2:	mov	%eax, (%edi)
	mov	%edx, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	adc	$0, %edx
	cmp	$TABLES + 0xa000, %edi
	jb	2b
	mov	$wake, %esi
	mov	$WAKE_AT, %edi
	mov	$wake_end - wake, %ecx
	rep movsb
	lgdt	gdt_pointer
	ljmp	$8, $to_long_mode

to_long_mode:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$TABLES, %eax
	mov	%eax, %cr3
	mov	$0x220, %eax		/* PAE, OSFXSR */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER */
	mov	$0x100, %eax		/* LME */
	xor	%edx, %edx
	wrmsr
	mov	$0x80000013, %eax	/* PG, ET, MP, PE */
	mov	%eax, %cr0
	ljmp	$24, $in_long_mode

	.code64
in_long_mode:
	mov	$1, %eax
	cpuid
	shr	$24, %ebx		/* the first APIC id: our processors are 0, 1, 2... */
	mov	%ebx, %edi
	and	$15, %edi
	lea	1(%rdi), %rax
	imul	$STACK_BYTES, %rax, %rax
	lea	stacks(%rax), %rsp
	call	hostile_main
3:	hlt
	jmp	3b

	.code16
wake:	cli
	lgdtl	%cs:gdt_pointer_low - wake
	mov	$1, %eax
	mov	%eax, %cr0
	ljmpl	$8, $to_long_mode
gdt_pointer_low:
	.word	31
	.long	gdt
wake_end:

	.section .data.start, "aw", @progbits
	.balign	8
gdt:	.quad	0
	.quad	0x00cf9a000000ffff	/*  8: code, 32 bits */
	.quad	0x00cf92000000ffff	/* 16: data */
	.quad	0x00af9a000000ffff	/* 24: code, 64 bits */
gdt_pointer:
	.word	31
	.long	gdt

	.section .bss.start, "aw", @nobits
	.balign	16
stacks:	.skip	16 * STACK_BYTES
	.section .note.GNU-stack, "", @progbits
