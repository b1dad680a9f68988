import com.sun.management.OperatingSystemMXBean;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.async.RedisAdvancedClusterAsyncCommands;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.commons.pool2.impl.GenericObjectPoolConfig;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisCluster;

/** Measures a Java client: `Bench lettuce|jedis host:port`. See ../README.md for what it reads and writes. */
public final class Bench {
  record Work(String mode, int callers, int size, long millis) {
    List<String> keys() {
      return IntStream.range(0, 1000).mapToObj(i -> "languages:" + size + ":" + i).toList();
    }

    List<String> batch() {
      return IntStream.range(0, 100).mapToObj(i -> "{languages:" + size + "}:" + i).toList();
    }
  }

  interface Client {
    long run(Work work) throws Exception;
  }

  /** Callers are chains of futures: none holds a thread. */
  static final class Lettuce implements Client {
    private final RedisAdvancedClusterAsyncCommands<String, String> redis;

    Lettuce(String host, int port) {
      redis = RedisClusterClient.create(RedisURI.create(host, port)).connect().async();
    }

    @Override
    public long run(Work work) {
      List<String> keys = work.keys();
      List<String> batch = work.batch();
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(work.millis());
      List<CompletableFuture<Long>> callers = new ArrayList<>();
      for (int caller = 0; caller < work.callers(); caller++) {
        CompletableFuture<Long> result = new CompletableFuture<>();
        callers.add(result);
        if (work.mode().equals("pipeline")) pipeline(batch, 0, end, result);
        else get(keys, caller * 7, 0, end, result);
      }
      return callers.stream().mapToLong(CompletableFuture::join).sum();
    }

    private void get(List<String> keys, int at, long done, long end, CompletableFuture<Long> result) {
      redis.get(keys.get(at % keys.size())).whenComplete((value, failure) -> {
        if (failure != null) result.completeExceptionally(failure);
        else if (System.nanoTime() >= end) result.complete(done + 1);
        else get(keys, at + 1, done + 1, end, result);
      });
    }

    private void pipeline(List<String> batch, long done, long end, CompletableFuture<Long> result) {
      RedisFuture<?>[] replies = batch.stream().map(redis::get).toArray(RedisFuture<?>[]::new);
      CompletableFuture<?>[] futures = new CompletableFuture<?>[replies.length];
      for (int i = 0; i < replies.length; i++) futures[i] = replies[i].toCompletableFuture();
      CompletableFuture.allOf(futures).whenComplete((value, failure) -> {
        if (failure != null) result.completeExceptionally(failure);
        else if (System.nanoTime() >= end) result.complete(done + batch.size());
        else pipeline(batch, done + batch.size(), end, result);
      });
    }
  }

  /** Each caller holds a thread. */
  static final class Jedis implements Client {
    private final JedisCluster redis;

    Jedis(String host, int port) {
      GenericObjectPoolConfig<Connection> pool = new GenericObjectPoolConfig<>();
      pool.setMaxTotal(64);
      pool.setMaxIdle(64);
      redis = new JedisCluster(Set.of(new HostAndPort(host, port)), DefaultJedisClientConfig.builder().build(), 5, pool);
    }

    @Override
    public long run(Work work) throws Exception {
      List<String> keys = work.keys();
      List<String> batch = work.batch();
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(work.millis());
      ExecutorService threads = Executors.newFixedThreadPool(work.callers());
      List<Future<Long>> callers = new ArrayList<>();
      for (int caller = 0; caller < work.callers(); caller++) {
        int first = caller * 7;
        callers.add(threads.submit(() -> {
          long done = 0;
          for (int at = first; System.nanoTime() < end; at++) {
            if (work.mode().equals("pipeline")) {
              try (var pipeline = redis.pipelined()) {
                for (String key : batch) pipeline.get(key);
                pipeline.sync();
              }
              done += batch.size();
            } else {
              redis.get(keys.get(at % keys.size()));
              done++;
            }
          }
          return done;
        }));
      }
      long count = 0;
      for (Future<Long> caller : callers) count += caller.get();
      threads.shutdown();
      return count;
    }
  }

  private static final Pattern LINE = Pattern.compile(
      "\\{\"mode\":\"(\\w+)\",\"callers\":(\\d+),\"size\":(\\d+),\"millis\":(\\d+)\\}");

  public static void main(String[] arguments) throws Exception {
    String[] address = arguments[1].split(":");
    int port = Integer.parseInt(address[1]);
    Client client = arguments[0].equals("lettuce") ? new Lettuce(address[0], port) : new Jedis(address[0], port);
    var machine = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Matcher fields = LINE.matcher(line);
      if (!fields.matches()) throw new IllegalArgumentException(line);
      Work work = new Work(fields.group(1), Integer.parseInt(fields.group(2)), Integer.parseInt(fields.group(3)),
          Long.parseLong(fields.group(4)));
      long before = machine.getProcessCpuTime();
      long started = System.nanoTime();
      long commands = client.run(work);
      System.out.printf("{\"commands\":%d,\"cpuMicros\":%d,\"millis\":%d}%n", commands,
          (machine.getProcessCpuTime() - before) / 1000, (System.nanoTime() - started) / 1_000_000);
    }
    System.exit(0);
  }
}
