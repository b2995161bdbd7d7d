/* What a machine can do at MQTT 3.1.1 without an interpreter: the other end and the reference of the benchmarks.
 *
 *   floor sink    accepts everything and answers at once: CONNACK, SUBACK, PINGRESP, PUBACK. With --deliver it pushes
 *                 PUBLISH packets that carry our payload header at whoever subscribes, as fast as they are taken.
 *   floor load    publishes: each client again as soon as it is acknowledged (--window), or evenly paced (--interval-ns).
 *   floor listen  subscribes and checks the headers of what comes.
 *   floor idle    connects clients, one after the other, and keeps them.
 *
 * Every mode ends by itself after --seconds and prints one line of JSON; sink and listen also end when their input closes.
 * CPU is user and system time of the process in the measured time, connects not included.
 * It trusts its peer: no load for hostile networks. Linux (epoll, timerfd), C11, no library.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, EVENTS = 512, TOPIC = 16, HEADER = 20, MAGIC = 0xA17A, BATCH = 64 };
enum { CONNECT = 1, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 8, UNSUBSCRIBE = 10, PINGREQ = 12, DISCONNECT = 14 };

typedef struct {
    int port, clients, size, qos, window, burst, publishers, tag;
    bool deliver, batch;
    int64_t interval_ns, epoch_ns;
    double seconds;
} Options;

/* One connection. `in` holds a begun packet, `out` what the kernel did not take; both are there only when needed. */
typedef struct {
    int fd, in_flight;
    uint16_t next_id;
    bool subscribed;
    uint8_t version; /* of the protocol, as CONNECT has it */
    uint8_t *in, *out;
    size_t in_length, out_at, out_length;
} Link;

static Options options = {.port = 0, .clients = 1, .size = 500, .qos = 1, .window = 1, .burst = 100,
                          .publishers = 1, .seconds = 5};
static uint8_t buffer[BUFFER];
static int poller;
static double connects_per_s;
static uint64_t messages, bytes, acknowledged, reads, sends, disorder;

/* ---- time, CPU, failure ------------------------------------------------------------------------------------- */

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

typedef struct { double user_s, system_s; int64_t at_ns; } Cpu;

static Cpu cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (Cpu){seconds_of(usage.ru_utime), seconds_of(usage.ru_stime), now_ns()};
}

static long rss_bytes(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
        fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *room(void *old, size_t size) {
    void *memory = realloc(old, size);
    if (!memory) fail("memory");
    return memory;
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void report(const char *mode, Cpu from) {
    Cpu to = cpu();
    double elapsed = (double)(to.at_ns - from.at_ns) / 1e9, user = to.user_s - from.user_s, system = to.system_s - from.system_s;
    printf("{\"mode\": \"%s\", \"messages\": %llu, \"acknowledged\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"user_s\": %.6f, "
           "\"system_s\": %.6f, \"reads\": %llu, \"sends\": %llu, \"disorder\": %llu, \"rss_bytes\": %ld, "
           "\"connects_per_s\": %.0f}\n",
           mode, (unsigned long long)messages, (unsigned long long)acknowledged, (unsigned long long)bytes, elapsed, user, system,
           (unsigned long long)reads, (unsigned long long)sends, (unsigned long long)disorder, rss_bytes(), connects_per_s);
    fflush(stdout);
}

/* ---- sockets ------------------------------------------------------------------------------------------------ */

static void watch(int fd, void *data, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(poller, how, fd, &event)) fail("epoll_ctl");
}

static char input; /* its address marks standard input */

/* The end of the input ends us; a file never closes, and then only time does. */
static void watch_input(void) {
    struct epoll_event end = {.events = EPOLLIN, .data.ptr = &input};
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &end);
}

static void no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Sends now, keeps what the kernel does not take. False: the connection is gone. */
static bool put(Link *link, const uint8_t *data, size_t length) {
    size_t sent = 0;
    if (!link->out_length) {
        ssize_t taken = send(link->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        sends++;
        if (taken < 0 && errno != EAGAIN) return false;
        sent = taken < 0 ? 0 : (size_t)taken;
        if (sent == length) return true;
        watch(link->fd, link, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    link->out = room(link->out, link->out_at + link->out_length + length - sent);
    memcpy(link->out + link->out_at + link->out_length, data + sent, length - sent);
    link->out_length += length - sent;
    return true;
}

/* The kernel has room again. False: the connection is gone. */
static bool flush_link(Link *link) {
    while (link->out_length) {
        ssize_t taken = send(link->fd, link->out + link->out_at, link->out_length, MSG_NOSIGNAL | MSG_DONTWAIT);
        sends++;
        if (taken < 0) return errno == EAGAIN;
        link->out_at += (size_t)taken;
        link->out_length -= (size_t)taken;
    }
    free(link->out);
    link->out = NULL;
    link->out_at = 0;
    watch(link->fd, link, EPOLLIN, EPOLL_CTL_MOD);
    return true;
}

/* Length of the packet at data[0..have), 0 when it is not whole; *body is where its remaining length begins to count. */
static size_t packet_length(const uint8_t *data, size_t have, size_t *body) {
    size_t remaining = 0;
    for (size_t i = 1; i < have && i < 5; i++) {
        remaining |= (size_t)(data[i] & 127) << (7 * (i - 1));
        if (!(data[i] & 128)) {
            *body = i + 1;
            return have >= i + 1 + remaining ? i + 1 + remaining : 0;
        }
    }
    return 0;
}

typedef bool (*Handler)(Link *, const uint8_t *packet, size_t body, size_t length);

/* Reads once and hands over every whole packet. False: the connection is gone. */
static bool take(Link *link, Handler handle) {
    if (link->in_length) memcpy(buffer, link->in, link->in_length);
    ssize_t got = recv(link->fd, buffer + link->in_length, BUFFER - link->in_length, MSG_DONTWAIT);
    reads++;
    if (got <= 0) return got < 0 && errno == EAGAIN;
    size_t have = link->in_length + (size_t)got, at = 0, body = 0, length;
    bytes += (uint64_t)got;
    while (at < have && (length = packet_length(buffer + at, have - at, &body))) {
        if (!handle(link, buffer + at, body, length)) return false;
        at += length;
    }
    link->in_length = have - at;
    if (link->in_length) {
        link->in = room(link->in, link->in_length);
        memcpy(link->in, buffer + at, link->in_length);
    } else if (link->in) {
        free(link->in);
        link->in = NULL;
    }
    return true;
}

static void close_link(Link *link) {
    close(link->fd);
    free(link->in);
    free(link->out);
    free(link);
}

/* ---- packets ------------------------------------------------------------------------------------------------ */

static void put16(uint8_t *at, unsigned value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value & 0xffff); }
static void put64(uint8_t *at, uint64_t value) { put32(at, (uint32_t)(value >> 32)); put32(at + 4, (uint32_t)value); }
static unsigned get16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }
static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

/* A PUBLISH with a topic of TOPIC bytes; returns its length. *id_at and *payload_at are its variable places. */
static size_t make_publish(uint8_t *packet, unsigned number, size_t *id_at, size_t *payload_at) {
    size_t remaining = 2 + TOPIC + (options.qos ? 2 : 0) + (size_t)options.size, at = 1;
    packet[0] = (uint8_t)(PUBLISH << 4 | options.qos << 1);
    for (size_t rest = remaining; at == 1 || rest; rest >>= 7) packet[at++] = (uint8_t)((rest & 127) | (rest > 127 ? 128 : 0));
    put16(packet + at, TOPIC);
    char topic[TOPIC + 1];
    snprintf(topic, sizeof topic, "floor/%05u/data", number % 100000);
    memcpy(packet + at + 2, topic, TOPIC);
    *id_at = at + 2 + TOPIC;
    *payload_at = *id_at + (options.qos ? 2 : 0);
    memset(packet + *payload_at, 'x', (size_t)options.size);
    return *payload_at + (size_t)options.size;
}

static void make_header(uint8_t *payload, uint32_t client, uint32_t sequence, uint64_t due_ns) {
    if (options.size < HEADER) return;
    put16(payload, MAGIC);
    put16(payload + 2, (unsigned)options.tag);
    put32(payload + 4, client);
    put32(payload + 8, sequence);
    put64(payload + 12, due_ns);
}

/* ---- sink --------------------------------------------------------------------------------------------------- */

static uint8_t answers[BUFFER + 64];
static size_t answers_length;

static bool answer(Link *link, const uint8_t *packet, size_t body, size_t length) {
    static const uint8_t connack[] = {0x20, 2, 0, 0}, connack_5[] = {0x20, 3, 0, 0, 0}, pingresp[] = {0xd0, 0};
    (void)length;
    uint8_t *next = answers + answers_length;
    switch (packet[0] >> 4) {
    case PUBLISH:
        messages++;
        if (packet[0] & 2) { /* QoS 1: the packet id stands behind the topic */
            const uint8_t *id = packet + body + 2 + get16(packet + body);
            next[0] = PUBACK << 4, next[1] = 2, next[2] = id[0], next[3] = id[1];
            answers_length += 4;
            acknowledged++;
        }
        return true;
    case CONNECT:
        link->version = packet[body + 6]; /* behind the name: 0 4 M Q T T */
        memcpy(next, link->version == 5 ? connack_5 : connack, sizeof connack_5);
        answers_length += link->version == 5 ? sizeof connack_5 : sizeof connack;
        return true;
    case SUBSCRIBE:
        next[0] = 0x90, next[1] = 3, next[2] = packet[body], next[3] = packet[body + 1], next[4] = (uint8_t)options.qos;
        answers_length += 5;
        if (link->version == 5) next[1] = 4, next[4] = 0, next[5] = (uint8_t)options.qos, answers_length++;
        link->subscribed = true;
        return true;
    case UNSUBSCRIBE:
        next[0] = 0xb0, next[1] = 2, next[2] = packet[body], next[3] = packet[body + 1];
        answers_length += 4;
        if (link->version == 5) next[1] = 4, next[4] = next[5] = 0, answers_length += 2;
        return true;
    case PINGREQ:
        memcpy(next, pingresp, sizeof pingresp);
        answers_length += sizeof pingresp;
        return true;
    case PUBACK:
        acknowledged++;
        return true;
    default:
        return packet[0] >> 4 != DISCONNECT;
    }
}

/* The second is printed to stderr when it is over: its number and the messages in it. */
static void count_second(int64_t second) {
    static int64_t current;
    static uint64_t before;
    if (second == current) return;
    fprintf(stderr, "second %lld: %llu messages\n", (long long)current, (unsigned long long)(messages - before));
    current = second;
    before = messages;
}

static uint8_t *burst;

/* Pushes some bursts, or until the kernel takes no more. False: the connection is gone. */
static bool push(Link *link) {
    static uint32_t turn;
    size_t id_at, payload_at, packet = make_publish(burst, 0, &id_at, &payload_at);
    for (int rounds = 0; !link->out_length && rounds < 16; rounds++) {
        uint64_t due_ns = (uint64_t)(now_ns() - options.epoch_ns);
        for (int i = 0; i < options.burst; i++, turn++) {
            uint8_t *at = burst + (size_t)i * packet;
            if (i) memcpy(at, burst, payload_at);
            link->next_id = (uint16_t)(link->next_id % 65535 + 1);
            if (options.qos) put16(at + id_at, link->next_id);
            make_header(at + payload_at, turn % (uint32_t)options.publishers, turn / (uint32_t)options.publishers, due_ns);
        }
        messages += (uint64_t)options.burst;
        if (!put(link, burst, packet * (size_t)options.burst)) return false;
    }
    if (!link->out_length) watch(link->fd, link, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD); /* more at the next turn */
    return true;
}

/* One event of a connection. False: it is gone. */
static bool serve(Link *link, uint32_t events) {
    if (events & EPOLLOUT && !flush_link(link)) return false;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        answers_length = 0;
        bool open = take(link, answer);
        if (answers_length && !put(link, answers, answers_length)) return false;
        if (!open) return false;
    }
    return !(options.deliver && link->subscribed) || push(link);
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        no_delay(fd);
        Link *link = room(NULL, sizeof *link);
        *link = (Link){.fd = fd};
        watch(fd, link, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (void *)&address, length) || listen(fd, 4096) || getsockname(fd, (void *)&address, &length)) fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void sink(void) {
    struct epoll_event events[EVENTS];
    int listener = listen_on(options.port);
    if (options.deliver) burst = room(NULL, (size_t)options.burst * ((size_t)options.size + 64));
    if (options.deliver) {
        size_t unused;
        size_t packet = make_publish(burst, 0, &unused, &unused);
        for (int i = 1; i < options.burst; i++) memcpy(burst + (size_t)i * packet, burst, packet);
    }
    watch(listener, NULL, EPOLLIN, EPOLL_CTL_ADD);
    watch_input();
    Cpu from = cpu();
    int64_t end_ns = from.at_ns + (int64_t)(options.seconds * 1e9);
    for (bool over = false; !over && now_ns() < end_ns;) {
        int count = epoll_wait(poller, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            void *data = events[i].data.ptr;
            if (data == &input) over = true;
            else if (!data) accept_all(listener);
            else if (!serve(data, events[i].events)) close_link(data);
        }
        count_second((now_ns() - from.at_ns) / 1000000000);
    }
    report("sink", from);
}

/* ---- clients ------------------------------------------------------------------------------------------------ */

static bool get_exactly(int fd, uint8_t *into, size_t length) { return recv(fd, into, length, MSG_WAITALL) == (ssize_t)length; }

static Link *join(unsigned number) {
    Link *link = room(NULL, sizeof *link);
    *link = (Link){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    /* one source address carries some 28,000 clients */
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / 20000)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    setsockopt(link->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(link->fd, (void *)&from, sizeof from) || connect(link->fd, (void *)&to, sizeof to)) fail("connect");
    no_delay(link->fd);
    uint8_t packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0}, connack[4];
    int length = snprintf((char *)packet + 14, 40, "floor-%d-%u", (int)getpid(), number);
    packet[1] = (uint8_t)(12 + length);
    put16(packet + 12, (unsigned)length);
    if (send(link->fd, packet, 14 + (size_t)length, MSG_NOSIGNAL) < 0 || !get_exactly(link->fd, connack, 4) || connack[3]) fail("CONNACK");
    return link;
}

static Link **join_all(void) {
    Link **links = room(NULL, (size_t)options.clients * sizeof *links);
    for (int i = 0; i < options.clients; i++) {
        links[i] = join((unsigned)i);
        watch(links[i]->fd, links[i], EPOLLIN, EPOLL_CTL_ADD);
    }
    return links;
}

static void idle(void) {
    int64_t begin = now_ns();
    join_all();
    connects_per_s = options.clients / ((double)(now_ns() - begin) / 1e9);
    Cpu from = cpu();
    usleep((useconds_t)(options.seconds * 1e6));
    report("idle", from);
}

static uint8_t *outgoing;
static size_t outgoing_length, outgoing_id_at, outgoing_payload_at;

static bool count_puback(Link *link, const uint8_t *packet, size_t body, size_t length) {
    (void)body, (void)length;
    if (packet[0] >> 4 == PUBACK) link->in_flight--, acknowledged++;
    return true;
}

static uint8_t *stamped(uint8_t *packet, Link *link) {
    link->next_id = (uint16_t)(link->next_id % 65535 + 1);
    if (options.qos) put16(packet + outgoing_id_at, link->next_id);
    make_header(packet + outgoing_payload_at, 0, link->next_id, (uint64_t)now_ns());
    return packet;
}

static void send_one(Link *link) {
    if (!put(link, stamped(outgoing, link), outgoing_length)) fail("send");
    link->in_flight += options.qos > 0;
    messages++;
}

/* Fills the window: a send for each message, or one for all of them (--batch). At QoS 0 once, for nothing empties it. */
static void fill_window(Link *link) {
    do {
        int count = options.batch ? options.window - link->in_flight : 1;
        if (count > BATCH) count = BATCH;
        if (link->out_length || link->in_flight >= options.window) return;
        for (int i = 0; i < count; i++) stamped(outgoing + (size_t)i * outgoing_length, link);
        if (!put(link, outgoing, (size_t)count * outgoing_length)) fail("send");
        if (options.qos) link->in_flight += count;
        messages += (uint64_t)count;
    } while (options.qos);
}

static void prepare_outgoing(void) {
    outgoing = room(NULL, BATCH * ((size_t)options.size + 64));
    outgoing_length = make_publish(outgoing, 0, &outgoing_id_at, &outgoing_payload_at);
    for (size_t i = 1; i < BATCH; i++) memcpy(outgoing + i * outgoing_length, outgoing, outgoing_length);
}

static void arm(int timer, int64_t at_ns) {
    struct itimerspec when = {.it_value = {at_ns / 1000000000, at_ns % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Evenly over time and clients: message k belongs to client k mod n and is due at k * interval / n. */
static uint64_t send_due(Link **links, int64_t start_ns, uint64_t next, int timer) {
    int64_t step = options.interval_ns / options.clients;
    int64_t now = now_ns();
    for (; start_ns + (int64_t)next * step <= now; next++) send_one(links[next % (uint64_t)options.clients]);
    arm(timer, start_ns + (int64_t)next * step);
    return next;
}

static bool all_blocked(Link **links) {
    for (int i = 0; i < options.clients; i++)
        if (!links[i]->out_length) return false;
    return true;
}

static void load(void) {
    struct epoll_event events[EVENTS];
    Link **links = join_all();
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t next = 0;
    prepare_outgoing();
    if (options.interval_ns > 0) watch(timer, NULL, EPOLLIN | EPOLLET, EPOLL_CTL_ADD);
    Cpu from = cpu();
    int64_t end_ns = from.at_ns + (int64_t)(options.seconds * 1e9);
    bool paced = options.interval_ns > 0, endless = !paced && !options.qos;
    for (int i = 0; !paced && i < options.clients; i++) fill_window(links[i]);
    while (now_ns() < end_ns) {
        if (paced) next = send_due(links, from.at_ns, next, timer);
        for (int i = 0; endless && i < options.clients; i++) fill_window(links[i]);
        int count = epoll_wait(poller, events, EVENTS, endless && !all_blocked(links) ? 0 : 100);
        for (int i = 0; i < count; i++) {
            Link *link = events[i].data.ptr;
            if (!link) continue; /* the timer */
            if (events[i].events & EPOLLOUT && !flush_link(link)) fail("send");
            if (events[i].events & EPOLLIN && !take(link, count_puback)) fail("the other end closed");
            if (!paced) fill_window(link);
        }
    }
    report("load", from);
}

static uint32_t *expected;

static bool check_publish(Link *link, const uint8_t *packet, size_t body, size_t length) {
    if (packet[0] >> 4 != PUBLISH) return true;
    size_t at = body + 2 + get16(packet + body) + (packet[0] & 6 ? 2 : 0);
    messages++;
    if (packet[0] & 2) {
        uint8_t *next = answers + answers_length;
        next[0] = PUBACK << 4, next[1] = 2, next[2] = packet[at - 2], next[3] = packet[at - 1];
        answers_length += 4;
    }
    if (length - at >= HEADER && get16(packet + at) == MAGIC) {
        uint32_t client = get32(packet + at + 4), sequence = get32(packet + at + 8);
        if (client < (uint32_t)options.publishers) {
            disorder += sequence != expected[client];
            expected[client] = sequence + 1;
        }
    }
    (void)link;
    return true;
}

static void listen_to_it(void) {
    struct epoll_event events[EVENTS];
    static const uint8_t subscribe[] = {0x82, 6, 0, 1, 0, 1, '#', 1};
    expected = calloc((size_t)options.publishers, sizeof *expected);
    Link *link = join(0);
    watch(link->fd, link, EPOLLIN, EPOLL_CTL_ADD);
    if (!expected || !put(link, subscribe, sizeof subscribe)) fail("subscribe");
    watch_input();
    Cpu from = cpu();
    int64_t end_ns = from.at_ns + (int64_t)(options.seconds * 1e9);
    for (bool over = false; !over && now_ns() < end_ns;) {
        int count = epoll_wait(poller, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &input) {
                over = true;
                continue;
            }
            answers_length = 0;
            if (events[i].events & EPOLLOUT && !flush_link(link)) fail("send");
            if (events[i].events & EPOLLIN && !take(link, check_publish)) fail("the other end closed");
            if (answers_length && !put(link, answers, answers_length)) fail("send");
        }
    }
    report("listen", from);
}

/* ---- command line ------------------------------------------------------------------------------------------- */

static bool set(const char *name, const char *value) {
    const struct { const char *name; int *into; } numbers[] = {
        {"--port", &options.port},     {"--clients", &options.clients}, {"--size", &options.size},
        {"--qos", &options.qos},       {"--window", &options.window},   {"--burst", &options.burst},
        {"--publishers", &options.publishers}, {"--tag", &options.tag},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(name, numbers[i].name)) return *numbers[i].into = atoi(value), true;
    if (!strcmp(name, "--interval-ns")) return options.interval_ns = atoll(value), true;
    if (!strcmp(name, "--epoch-ns")) return options.epoch_ns = atoll(value), true;
    if (!strcmp(name, "--seconds")) return options.seconds = atof(value), true;
    return false;
}

static bool sane(void) {
    return options.clients > 0 && options.size >= 0 && options.size <= 100000 && (options.qos == 0 || options.qos == 1) &&
           options.window > 0 && options.burst > 0 && options.burst <= 1000 && options.publishers > 0 && options.seconds > 0 &&
           options.seconds <= 600;
}

int main(int count, char **words) {
    const struct { const char *name; void (*run)(void); } modes[] = {
        {"sink", sink}, {"load", load}, {"listen", listen_to_it}, {"idle", idle}};
    bool understood = count > 1;
    for (int i = 2; i < count && understood; i++) {
        if (!strcmp(words[i], "--deliver")) options.deliver = true;
        else if (!strcmp(words[i], "--batch")) options.batch = true;
        else understood = i + 1 < count && set(words[i], words[i + 1]), i++;
    }
    raise_descriptor_limit();
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; understood && sane() && i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(words[1], modes[i].name)) return modes[i].run(), 0;
    fprintf(stderr, "usage: floor sink|load|listen|idle [--port N] [--clients N] [--size BYTES] [--qos 0|1] [--window N] [--batch]\n"
                    "       [--interval-ns N] [--seconds S] [--deliver] [--burst N] [--publishers N] [--tag N] [--epoch-ns N]\n");
    return 2;
}
