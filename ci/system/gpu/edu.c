// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of QEMU's `edu` device (docs/specs/edu) as a vendor would ship one: built outside of the kernel's tree, with
 * firmware, a DMA buffer and an interrupt. It sends its firmware through the device and says what came back.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/firmware.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

enum { RAISED = 0x24, ACKNOWLEDGE = 0x64, SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98 };
enum { START = 1, TO_MEMORY = 2, INTERRUPT = 4 };
enum { DEVICE_BUFFER = 0x40000, BUFFER_BYTES = 4096 };
enum { WAIT_MS = 20000 };

static char *firmware = "mayfly/edu.bin";
module_param(firmware, charp, 0444);
MODULE_PARM_DESC(firmware, "what is sent through the device");

struct edu {
	void __iomem *registers;
	struct completion done;
};

static irqreturn_t interrupted(int irq, void *data)
{
	struct edu *edu = data;
	u32 why = readl(edu->registers + RAISED);

	if (!why)
		return IRQ_NONE;
	writel(why, edu->registers + ACKNOWLEDGE);
	complete(&edu->done);
	return IRQ_HANDLED;
}

/* Moves bytes, and sleeps until the device interrupts. */
static int move(struct edu *edu, u64 from, u64 to, u64 bytes, u64 command)
{
	reinit_completion(&edu->done);
	writeq(from, edu->registers + SOURCE);
	writeq(to, edu->registers + DESTINATION);
	writeq(bytes, edu->registers + COUNT);
	writeq(command | START | INTERRUPT, edu->registers + COMMAND);
	return wait_for_completion_timeout(&edu->done, msecs_to_jiffies(WAIT_MS)) ? 0 : -ETIMEDOUT;
}

static int send_through(struct pci_dev *device, struct edu *edu, const struct firmware *image)
{
	dma_addr_t address;
	u8 *buffer = dma_alloc_coherent(&device->dev, 2 * BUFFER_BYTES, &address, GFP_KERNEL);
	int error;

	if (!buffer)
		return -ENOMEM;
	memcpy(buffer, image->data, image->size);
	error = move(edu, address, DEVICE_BUFFER, image->size, 0);
	if (!error)
		error = move(edu, DEVICE_BUFFER, address + BUFFER_BYTES, image->size, TO_MEMORY);
	if (!error && memcmp(buffer + BUFFER_BYTES, image->data, image->size))
		error = -EIO;
	dma_free_coherent(&device->dev, 2 * BUFFER_BYTES, buffer, address);
	return error;
}

/* All that is taken here is managed, the vector too (pcim_enable_device), and given back when the device goes. */
static int edu_probe(struct pci_dev *device, const struct pci_device_id *id)
{
	const struct firmware *image;
	struct edu *edu = devm_kzalloc(&device->dev, sizeof(*edu), GFP_KERNEL);
	int error;

	if (!edu)
		return -ENOMEM;
	init_completion(&edu->done);
	error = pcim_enable_device(device);
	if (error)
		return error;
	edu->registers = pcim_iomap(device, 0, 0);
	if (!edu->registers)
		return -ENOMEM;
	error = dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	pci_set_master(device);
	error = pci_alloc_irq_vectors(device, 1, 1, PCI_IRQ_MSI);
	if (error < 0)
		return error;
	error = devm_request_irq(&device->dev, pci_irq_vector(device, 0), interrupted, 0, KBUILD_MODNAME, edu);
	if (error)
		return error;
	error = request_firmware(&image, firmware, &device->dev);
	if (error)
		return error;
	error = image->size > BUFFER_BYTES ? -EFBIG : send_through(device, edu, image);
	if (!error)
		pci_info(device, "%zu bytes of firmware went through the device and came back\n", image->size);
	release_firmware(image);
	return error;
}

static const struct pci_device_id devices[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, devices);

static struct pci_driver edu_driver = { .name = KBUILD_MODNAME, .id_table = devices, .probe = edu_probe };
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device, for tests");
MODULE_LICENSE("GPL");
