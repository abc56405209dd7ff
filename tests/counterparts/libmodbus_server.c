/* A Modbus server on libmodbus, to bear witness against our own frames, encoders and simulators.
 *
 *   libmodbus_server tcp PORT            serves any unit on 127.0.0.1
 *   libmodbus_server rtu DEVICE BAUD U   serves unit U on a serial line
 *
 * Prints READY when it serves; ends with its standard input.
 */
#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 200, FLOATS_AT = 100, CLIENTS = 8 };

static uint16_t swapped(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

/* The bytes of an IEEE 754 float in two registers, the high word first unless low_first says otherwise.
 * (modbus_set_float_abcd of libmodbus 3.1.6 puts 45.5 down as 0x3642: its bytes are swapped.) */
static void put(float value, int swap_bytes, int low_first, uint16_t *to)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t high = (uint16_t)(bits >> 16), low = (uint16_t)bits;
    to[low_first] = swap_bytes ? swapped(high) : high;
    to[!low_first] = swap_bytes ? swapped(low) : low;
}

static modbus_mapping_t *tables(void)
{
    modbus_mapping_t *map = modbus_mapping_new(CELLS, CELLS, CELLS, CELLS);
    if (map == NULL)
        return NULL;
    for (int at = 0; at < CELLS; at++) {
        map->tab_bits[at] = at % 3 == 0;
        map->tab_input_bits[at] = at % 5 == 0;
        map->tab_registers[at] = (uint16_t)(257 * at + 7);
        map->tab_input_registers[at] = (uint16_t)(60000 - 301 * at);
    }
    const float values[] = {45.5f, -0.125f, 1013.25f, 6.0e-3f};
    for (int n = 0; n < 4; n++)
        put(values[n], n >= 2, n % 2, map->tab_registers + FLOATS_AT + 2 * n);
    return map;
}

static int fail(const char *what)
{
    fprintf(stderr, "libmodbus_server: %s: %s\n", what, modbus_strerror(errno));
    return 1;
}

/* Answers one request that has come on descriptor fd; -1 when the far end is gone. */
static int answer(modbus_t *context, modbus_mapping_t *map, int fd)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(context, fd);
    int size = modbus_receive(context, request);
    if (size > 0)
        modbus_reply(context, request, size, map);
    return size;
}

/* Waits on the descriptors: the first is standard input, the second the listener or the line itself. */
static void serve(modbus_t *context, modbus_mapping_t *map, int first, int is_listener)
{
    struct pollfd wait[CLIENTS + 2] = {{STDIN_FILENO, POLLIN, 0}, {first, POLLIN, 0}};
    int count = 2;
    while (poll(wait, count, -1) >= 0 && !(wait[0].revents)) {
        int known = count;
        for (int n = 1; n < known; n++) {
            if (!wait[n].revents)
                continue;
            if (n == 1 && is_listener) {
                int listener = first;
                int fd = modbus_tcp_accept(context, &listener);
                if (fd >= 0 && count < CLIENTS + 2)
                    wait[count++] = (struct pollfd){fd, POLLIN, 0};
            } else if (answer(context, map, wait[n].fd) < 0 && is_listener) {
                close(wait[n].fd);
                wait[n].fd = -1; /* poll passes over it */
            }
        }
    }
}

int main(int argc, char **argv)
{
    int tcp = argc == 3 && strcmp(argv[1], "tcp") == 0;
    if (!tcp && !(argc == 5 && strcmp(argv[1], "rtu") == 0)) {
        fprintf(stderr, "usage: libmodbus_server tcp PORT | rtu DEVICE BAUD UNIT\n");
        return 2;
    }
    modbus_mapping_t *map = tables();
    modbus_t *context = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
    if (map == NULL || context == NULL)
        return fail("no context");
    if (!tcp && (modbus_set_slave(context, atoi(argv[4])) || modbus_connect(context)))
        return fail(argv[2]);
    int first = tcp ? modbus_tcp_listen(context, CLIENTS) : modbus_get_socket(context);
    if (first < 0)
        return fail("listen");
    puts("READY");
    fflush(stdout);
    serve(context, map, first, tcp);
    modbus_mapping_free(map);
    modbus_free(context);
    return 0;
}
