import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Iterator;

/** Sends back what comes, until the end. usage: EchoServer.java nio|threads PORT */
public class EchoServer {
    private static final int PIECE = 1 << 16, BACKLOG = 1000;

    /** What came and has still to be sent, of one connection. */
    private static final class Conversation {
        final ByteBuffer waiting = ByteBuffer.allocateDirect(PIECE);
        boolean ended;

        /** What to wait for next; 0: it is over. */
        int step(SocketChannel channel) throws IOException {
            if (!ended && waiting.hasRemaining())
                ended = channel.read(waiting) < 0;
            waiting.flip();
            channel.write(waiting);
            waiting.compact();
            return (!ended && waiting.hasRemaining() ? SelectionKey.OP_READ : 0)
                    | (waiting.position() > 0 ? SelectionKey.OP_WRITE : 0);
        }
    }

    private static void accept(SelectionKey key) throws IOException {
        SocketChannel channel = ((ServerSocketChannel) key.channel()).accept();
        if (channel == null)
            return;
        channel.configureBlocking(false);
        channel.register(key.selector(), SelectionKey.OP_READ, new Conversation());
    }

    private static void serve(SelectionKey key) throws IOException {
        int wanted = 0;
        try {
            wanted = ((Conversation) key.attachment()).step((SocketChannel) key.channel());
        } catch (IOException e) {
            // the peer has left: closed below
        }
        if (wanted != 0)
            key.interestOps(wanted);
        else
            key.channel().close();
    }

    private static void nio(InetSocketAddress address) throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open().bind(address, BACKLOG);
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        System.out.println("ready");
        for (;;) {
            selector.select();
            for (Iterator<SelectionKey> i = selector.selectedKeys().iterator(); i.hasNext(); i.remove()) {
                SelectionKey key = i.next();
                if (!key.isValid())
                    continue;
                if (key.isAcceptable())
                    accept(key);
                else
                    serve(key);
            }
        }
    }

    private static void echo(Socket connection) {
        byte[] piece = new byte[PIECE];
        try (connection) {
            for (int size; (size = connection.getInputStream().read(piece)) >= 0;)
                connection.getOutputStream().write(piece, 0, size);
        } catch (IOException e) {
            // the peer has left
        }
    }

    private static void threads(InetSocketAddress address) throws IOException {
        ServerSocket listener = new ServerSocket(address.getPort(), BACKLOG, address.getAddress());
        System.out.println("ready");
        for (;;) {
            Socket connection = listener.accept();
            new Thread(() -> echo(connection)).start();
        }
    }

    public static void main(String[] arguments) throws IOException {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"),
                                                          Integer.parseInt(arguments[1]));
        if (arguments[0].equals("nio"))
            nio(address);
        else
            threads(address);
    }
}
