/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest kernel whose first instruction makes the device at 00:04.0, QEMU's `edu`, bus master; the device then copies a
 * word from memory to memory, far above the window that is mapped first. Asks for a reset when it came over, else for
 * power-off. Linked at 1 MiB, entered in protected mode without paging.
 */
	.set CONFIG, 0xe0000000 + (4 << 15)
	.set FROM, 0x1ff00000
	.set TO, 0x18000000
	.set BUFFER, 0x40000		/* of the device: docs/specs/edu */
	.set SOURCE, 0x80
	.set DESTINATION, 0x88
	.set COUNT, 0x90
	.set DMA, 0x98
	.set MARK, 0x6d617966

	.code32
	movw	$6, CONFIG + 4		/* memory and bus master */
	movl	CONFIG + 0x10, %esi
	and	$~0xf, %esi
	movl	$MARK, FROM
	movl	$FROM, SOURCE(%esi)
	movl	$BUFFER, DESTINATION(%esi)
	movl	$4, COUNT(%esi)
	movl	$1, DMA(%esi)
1:	pause
	testl	$1, DMA(%esi)
	jnz	1b
	movl	$BUFFER, SOURCE(%esi)
	movl	$TO, DESTINATION(%esi)
	movl	$3, DMA(%esi)
2:	pause
	testl	$1, DMA(%esi)
	jnz	2b
	mov	$0x600, %dx
	mov	$1, %al
	cmpl	$MARK, TO
	je	3f
	mov	$0x601, %dx
	mov	$0x34, %al
3:	out	%al, %dx
4:	hlt
	jmp	4b
